"""Runs claimed jobs in slots (on the loop, in threads, in processes) and collects their ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from dutiful.contract.clock import Clock
from dutiful.contract.engine import AttemptCounter
from dutiful.core.errors import BadPayload
from dutiful.core.event import SlotStuck, TaskUnknown
from dutiful.core.job import Claim, Job
from dutiful.core.outcome import Cancelled, Outcome, Released, Unknown
from dutiful.core.run_event import JobStarted, job_started
from dutiful.core.settle import before_start

from . import forks
from .admit_job import not_to_start, unfit
from .apart import Apart
from .app_protocol import WorkerApp
from .attempt import Running
from .capacity import CannotStart, Capacity
from .capture import AnyTask, captured
from .captured_log import AttemptLog, claim_with_log
from .delayed import Delayed, End
from .failure import raised, timed_out
from .job_leases import JobLeases
from .prefetch import RESERVE_MAX, Prefetch
from .redelivery import fresh, held_still, lose, refuse
from .runners import Runners
from .store_clock import StoreClock
from .store_retry import StoreRetry


class Executor:
    """The slots of one worker. Every method is called on the loop."""

    def __init__(
        self,
        app: WorkerApp,
        slots: int,
        *,
        clock: Clock,
        valid: Callable[[], bool],
        changed: Callable[[], None],
        store_retry: StoreRetry,
        leases: JobLeases | None = None,
    ) -> None:
        """Start idle; ``valid`` is called before each start, ``changed`` after each end.

        ``leases`` are those of the jobs, where the worker itself has none.
        """
        self.running: dict[str, Running] = {}
        self.waiting: deque[Claim] = deque()
        self.ended: list[End] = []
        self.delayed = Delayed(asyncio.get_running_loop().time)
        self.done = 0
        self.leases = leases
        self._app = app
        self._store = app.store
        self._loop = loop = asyncio.get_running_loop()
        self._counted = app.store.engine.attempt_counter is AttemptCounter.BROKER
        # Each prefetched job costs something: where jobs have leases, a lease to renew; where a
        # broker counts deliveries, an attempt.
        most = 0 if self._counted else RESERVE_MAX if leases is None else slots
        self.prefetch = Prefetch(slots, most)
        self._shared = app.store, loop, store_retry, forks.this_process.pid, valid
        self._capture, self._captures = captured(app), app.settings.capture_logs
        self._slots = slots
        self._meter = app.bus.meter
        self._runs: list[tuple[str, float]] = []
        self.capacity = Capacity(slots, app.bus.emit, self._roomier)
        self.store_clock = StoreClock(clock)
        self._valid = valid
        self._changed = changed
        self._time = loop.time
        self._apart = Apart(app.settings.crashes_max, self._time)
        self._runners = Runners(app, self._loop, self._limit, self._finish)
        self.draining = self.quiet = False
        self.progressed: float | None = None
        """When a body last began or an end was last settled, by the loop's clock."""

    def offer(self, claims: Iterable[Claim]) -> None:
        """Take claimed jobs and start as many as there are slots."""
        if self.leases is not None:
            held = self.running, self.waiting, self.ended, self.delayed
            claims = fresh(claims, self.leases, *held, counted=self._counted)
        self.waiting.extend(claims)
        if self.draining:
            self.release_prefetched()
        self._fill()

    @property
    def resting(self) -> bool:
        """Whether nothing runs, waits for a slot or is still to be settled."""
        return not (self.running or self.waiting or self.ended or self.delayed)

    def held(self) -> set[str]:
        """Return the ids of all jobs whose end, as far as this worker knows, is not stored yet."""
        waiting = (claim.job.id for claim in self.waiting)
        ended = (claim.job.id for claim, _ in self.ended)
        return {*self.running, *waiting, *ended, *self.delayed.ids()}

    def cancel(self, ids: Collection[str]) -> None:
        """End cancelled jobs: running ones are interrupted, the others do not start."""
        for job_id in ids:
            if (running := self.running.get(job_id)) is not None:
                running.interrupt("cancel")
        found = [claim for claim in self.waiting if claim.job.id in ids]
        for claim in found:
            self.waiting.remove(claim)
            self.ended.append((claim, Cancelled()))
        if found:
            self._changed()

    def lose(self, claims: Iterable[Claim]) -> int:
        """Stop jobs whose own leases are over; return how many bodies were interrupted."""
        stopped = lose(claims, self.running, self.waiting)
        self._changed()
        return stopped

    def trim(self) -> None:
        """Release prefetched jobs that would not start in time, because jobs now take longer."""
        surplus = self.prefetch.surplus(len(self.waiting))
        if surplus:
            tail = [self.waiting.pop() for _ in range(surplus)]
            self.ended.extend((claim, Released()) for claim in reversed(tail))

    def wanted(self) -> int:
        """Return how many jobs to claim now."""
        if self.draining or self.quiet or self.delayed.full or not self._valid():
            return 0
        if self.capacity.short:
            return max(self.capacity.slots - len(self.running) - len(self.waiting), 0)
        return self.prefetch.limit(len(self.running), len(self.waiting))

    def take_ended(self) -> list[End]:
        """Return the ends that are to be settled now, and forget them."""
        if self._runs:
            self._meter.ran(self._runs)
            self._runs = []
        ended, self.ended = self.ended, []
        ended = ended + self.delayed.take() if self.delayed else ended
        if self.leases is None:
            return ended
        return held_still(ended, self.leases, self.delayed, self._store.emit)

    def settled(self, ended: Sequence[End], delayed: Collection[str]) -> None:
        """Note that ends were written, except those of ``delayed`` jobs."""
        if ended:
            self.progressed = self._time()
        if self.leases is not None:
            self.leases.settled([claim for claim, _ in ended], delayed)

    def unsettled(self, ended: list[End]) -> None:
        """Keep ends that could not be written, for the next exchange."""
        self.ended[:0] = ended
        if self.leases is not None:
            self.leases.settling([claim for claim, _ in ended], now=False)

    def release_prefetched(self) -> None:
        """Release the jobs that have not started; their attempts do not count."""
        self.ended.extend((claim, Released()) for claim in self.waiting)
        self.waiting.clear()

    def release_stale(self) -> None:
        """Give back what did not start in time, for other workers; not where that counts."""
        self.prefetch.shrink()
        if not self._counted:
            self.release_prefetched()

    def drain(self) -> None:
        """Start no more jobs."""
        self.draining = True
        self.release_prefetched()

    def give_up(self) -> int:
        """Release the jobs that still run, though their bodies may go on; return their number."""
        stuck = list(self.running.values())
        for running in stuck:
            self._finish(running, Released())
        return len(stuck)

    async def close(self) -> bool:
        """End children and idle threads; False when a thread runs on."""
        self.capacity.close()
        return await self._runners.close()

    def _roomier(self) -> None:
        self._fill()
        self._changed()

    def _fill(self) -> None:
        if not self.waiting or not self._valid():
            return
        # Each body checks the lease again just before its first line (`Running.may_begin`).
        while self.waiting and len(self.running) < self.capacity.slots and not self.draining:
            claim = self.waiting.popleft()
            if self.leases is None or self.leases.valid(claim):
                self._start(claim)

    def _start(self, claim: Claim) -> None:
        job = claim.job
        outcome = before_start(job, job.started_at or self.store_clock.now())
        if outcome is None and (claim.steps or job.crashes or self._counted):
            outcome = self._not_to_start(claim)
        if outcome is not None:
            self.ended.append((claim, outcome))
            return
        if (task := self._app.tasks.get(job.task)) is None:
            if job.parked_at is None:
                self._app.bus.emit(TaskUnknown(job.task, job.id))
            self.ended.append((claim, Unknown()))
            return
        running = Running(claim, job, claim.steps, task, *self._shared)
        running.log = self._log_of(task, job)
        if (leases := self.leases) is not None:
            running.valid = lambda: leases.valid(running.claim)
        try:
            self._runners.start(running)
        except BadPayload as error:
            self.ended.append((claim, unfit(claim, str(error), self._app.bus.emit)))
        except CannotStart as error:
            running.stop_clocks()
            self._put_back(claim)
            self.capacity.shrink(len(self.running), str(error))
        except BaseException as error:  # noqa: BLE001 - one job's fault must not end the worker
            running.stop_clocks()
            self.ended.append((claim, raised(error, task.spec.retry)))
        else:
            self.running[job.id] = running

    def _log_of(self, task: AnyTask, job: Job) -> AttemptLog | None:
        asked = task.spec.capture_logs or self._captures
        return None if asked is None else self._capture(task, job)

    def _not_to_start(self, claim: Claim) -> Outcome | None:
        outcome = not_to_start(claim, deliveries_count=self._counted)
        if outcome is not None or not claim.job.crashes:
            return outcome
        others = (running.job for running in self.running.values())
        return self._apart.put_off(claim.job, others, self.prefetch.seconds)

    def _limit(self, running: Running) -> None:
        """Start the timeouts of a body that begins; one that waits for a process has not begun."""
        later, spec = self._loop.call_later, running.task.spec
        running.since = self.progressed = self._time()
        if (bus := self._app.bus).hears(JobStarted):
            bus.emit(job_started(running.job))
        if spec.timeout is not None:
            running.limits.append(later(spec.timeout / 1_000_000, running.interrupt, "timeout"))
        if spec.hard_timeout is not None:
            running.limits.append(later(spec.hard_timeout / 1_000_000, self._overrun, running))

    def _overrun(self, running: Running) -> None:
        """Kill a body that ignored its timeout, or abandon it if it cannot be killed."""
        running.why = "timeout"
        if running.kill is not None:
            running.kill()
            return
        spec = running.task.spec
        self._app.bus.emit(SlotStuck(running.job.id, spec.name, spec.isolation))
        self._finish(running, timed_out((spec.hard_timeout or 0) / 1_000_000, spec.retry))

    def _finish(self, running: Running, outcome: Outcome | None) -> None:
        """Free a slot; None means that the attempt is settled already. May be called again."""
        if self.running.get(running.job.id) is not running:
            return
        del self.running[running.job.id]
        if running.end():
            self._runners.abandon(running)
        running.stop_clocks()
        if running.unstarted is not None:
            self.capacity.shrink(len(self.running), running.unstarted)
        if running.since is not None:
            self.prefetch.observe(seconds := self._time() - running.since)
            if self._meter.take is not None:
                self._runs.append((running.task.spec.name, seconds))
        self.done += 1
        claim = running.claim if running.log is None else claim_with_log(running.claim, running.log)
        if outcome is None:
            if self.leases is not None:
                self.leases.settled([claim], ())
        elif self.leases is not None and not self.leases.holds(claim):
            refuse([claim], self._store.emit)
        elif running.unstarted is not None and outcome == Released():
            self._put_back(claim)
        else:
            self.ended.append((claim, outcome))
        self._fill()
        self._changed()

    def _put_back(self, claim: Claim) -> None:
        """Give back a job whose body could not be started; where that counts, it waits here."""
        if self._counted and not self.draining:
            self.waiting.appendleft(claim)
        else:
            self.ended.append((claim, Released()))
