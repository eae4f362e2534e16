"""Runs claimed jobs in slots, wherever their tasks belong, and collects how they ended."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from dutiful.contract.clock import Clock
from dutiful.core.errors import BadPayload
from dutiful.core.event import SlotStuck, TaskUnknown
from dutiful.core.instant import SECOND
from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome, Released, Snoozed, Undecodable, Unknown
from dutiful.core.settle import before_start

from .appetite import Appetite
from .attempt import Running
from .body import Bodies
from .failure import timed_out
from .host import WorkerHost

_APART = 2 * SECOND


class Executor:
    """The slots of one worker. Every method is called on the loop."""

    def __init__(
        self,
        app: WorkerHost,
        slots: int,
        *,
        clock: Clock,
        valid: Callable[[], bool],
        changed: Callable[[], None],
    ) -> None:
        """Start idle; ``valid`` is asked before each start, ``changed`` told after each end."""
        self.running: dict[str, Running] = {}
        self.waiting: deque[Claim] = deque()
        self.ended: list[tuple[Claim, Outcome]] = []
        self.done = 0
        self.appetite = Appetite(slots)
        self._app = app
        self._slots = slots
        self._clock = clock
        self._valid = valid
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._bodies = Bodies(app, self._loop, self._finish)
        self._draining = False

    def offer(self, claims: Iterable[Claim]) -> None:
        """Take claimed jobs and start as many as there are slots."""
        self.waiting.extend(claims)
        self._fill()

    def wanted(self) -> int:
        """Return how many jobs to claim now."""
        if self._draining or not self._valid():
            return 0
        return self.appetite.limit(len(self.running), len(self.waiting))

    def take_ended(self) -> list[tuple[Claim, Outcome]]:
        """Return the ends that are not settled yet, and forget them."""
        ended, self.ended = self.ended, []
        return ended

    def hand_back(self) -> None:
        """Give the jobs that have not started back, unspent."""
        self.ended.extend((claim, Released()) for claim in self.waiting)
        self.waiting.clear()

    def drain(self) -> None:
        """Start nothing more."""
        self._draining = True
        self.hand_back()

    def give_up(self) -> int:
        """Hand back what still runs, though its body may go on; return how many that were."""
        stuck = list(self.running.values())
        for running in stuck:
            self._finish(running, Released())
        return len(stuck)

    async def close(self) -> bool:
        """End children and idle threads; False when a thread runs on."""
        return await self._bodies.close()

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self._slots and not self._draining:
            if not self._valid():
                return
            self._start(self.waiting.popleft())

    def _start(self, claim: Claim) -> None:
        job = claim.job
        outcome = before_start(job, self._clock.now()) or self._apart(claim)
        if outcome is not None:
            self.ended.append((claim, outcome))
            return
        task = self._app.tasks.get(job.task)
        if task is None:
            self._app.bus.emit(TaskUnknown(job.task, job.id))
            self.ended.append((claim, Unknown()))
            return
        running = Running(claim, task, self._app.store, self._loop, self._loop.time())
        try:
            self._bodies.start(running)
        except BadPayload as error:
            self.ended.append((claim, Undecodable(str(error))))
            return
        self.running[job.id] = running
        if task.spec.timeout is not None:
            self._limit(running, task.spec.timeout, task.spec.hard_timeout)

    def _apart(self, claim: Claim) -> Outcome | None:
        """Put a job off whose next crash is its last while another such job runs here.

        The crash of a worker counts for every job that it held. Run apart, the one that kills
        workers dies of it, and those that were only beside it live.
        """
        last = self._app.settings.crashes_max - 1
        if not 0 < last <= claim.job.crashes:
            return None
        if any(running.job.crashes >= last for running in self.running.values()):
            return Snoozed(_APART)
        return None

    def _limit(self, running: Running, soft: int, hard: int | None) -> None:
        later = self._loop.call_later
        running.limits.append(later(soft / 1_000_000, running.interrupt, "timeout"))
        if hard is not None:
            running.limits.append(later(hard / 1_000_000, self._overrun, running))

    def _overrun(self, running: Running) -> None:
        """End a body that did not heed its timeout, or leave it behind where it cannot be ended."""
        running.why = "timeout"
        if running.kill is not None:
            running.kill()
            return
        spec = running.task.spec
        self._app.bus.emit(SlotStuck(running.job.id, spec.name, spec.isolation))
        self._finish(running, timed_out((spec.hard_timeout or 0) / 1_000_000))

    def _finish(self, running: Running, outcome: Outcome | None) -> None:
        """Free a slot; None means that the attempt is settled already. A second call is void."""
        if self.running.get(running.job.id) is not running:
            return
        del self.running[running.job.id]
        if running.limits:
            running.unlimit()
        self.appetite.observe(self._loop.time() - running.since)
        self.done += 1
        if outcome is not None:
            self.ended.append((running.claim, outcome))
        self._fill()
        self._changed()
