"""Renews the lease in a separate thread, and decides when this worker must stop its jobs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Literal

from dutiful.contract.clock import Clock
from dutiful.contract.roles.fleet import Leases, Renewal
from dutiful.core.errors import EngineError
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.core.worker_report import Order

from .isolation.steady_loop import SteadyLoop
from .isolation.threads import in_own_thread

_STALLED_AFTER = 2
"""A loop that has not answered for this many heartbeats is reported to hang."""


_RETRIES_PER_PAUSE = 4
"""A renewal that failed is repeated this many times in what is otherwise the pause for one."""


class Heartbeat:
    """One worker's lease. `valid` may be called from any thread, before every start of a job."""

    def __init__(
        self,
        leases: Leases | None,
        worker: str,
        lease: Lease,
        clock: Clock,
        *,
        on_lost: Callable[[], None],
        on_cancels: Callable[[tuple[str, ...]], None],
        on_fault: Callable[[Exception], None],
        on_stalled: Callable[[float], None],
        on_answer: Callable[[Exception | None, int], None] = lambda error, began: None,
        ask: Callable[[Callable[[], None]], None],
        idle: Callable[[], bool] = lambda: False,
        report: Callable[[], str] | None = None,
        on_order: Callable[[Order | None], None] = lambda order: None,
    ) -> None:
        """Start valid: the worker has just joined. Callbacks are called in the heartbeat's thread.

        ``ask`` passes a call to the loop that runs the jobs, to check that it still answers. An
        ``idle`` worker has no jobs to lose and renews half as often. ``report`` makes
        what the store is to keep; None where it keeps no reports.
        """
        self._leases = leases
        self._worker = worker
        self._lease = lease
        self._clock = clock
        self._on_lost = on_lost
        self._on_cancels = on_cancels
        self._on_fault = on_fault
        self._on_stalled = on_stalled
        self._on_answer = on_answer
        self._ask = ask
        self._idle = idle
        self._report = report
        self._on_order = on_order
        self._order: Order | Literal["unheard"] | None = "unheard"
        self._lag = 0
        self.answered_at: int | None = None
        """When the store last answered, by the ticks."""
        self.answer_took = 0
        """For how many microseconds that answer was waited for."""
        self.renewal_lag = 0
        """How many microseconds later than planned it came."""
        self._planned: int | None = None
        self._renewed = threading.Event()
        self.calm = False
        """Whether the last renewal said that no job has to be rescued."""
        self._asked_at: int | None = None
        self._reported = False
        self._deadline = lease.deadline(clock.ticks())
        self._stopped = False
        self._failed = self._ended = False
        self._wake: Callable[[], None] = lambda: None
        self.lost = False

    def start(self) -> None:
        """Start the lease now, just before the store is asked to register the worker."""
        self._deadline = self._lease.deadline(self._clock.ticks())

    def valid(self) -> bool:
        """Whether the lease holds by this worker's own clock and was not declared lost."""
        return not self.lost and self._clock.ticks() < self._deadline

    async def run(self) -> None:
        """Renew at intervals until stopped or lost."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._wake = partial(_set, loop, stop)
        try:
            while not self.lost and await self._rest(stop):
                await self.renew()
                self._renewed.set()
        finally:
            self._ended = True
            self._renewed.set()

    async def _rest(self, wake: asyncio.Event) -> bool:
        """Wait until the next heartbeat; return whether it is to be taken."""
        if self._stopped:
            return False
        pause = self._pause()
        self._planned = self._clock.ticks() + round(pause * SECOND)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await wake.wait()
        wake.clear()
        return not self._stopped

    def renew_now(self, seconds: float = 0) -> None:
        """Renew without waiting for the next heartbeat; wait up to ``seconds`` until that is done.

        May be called from any thread, and waits only where the heartbeat has a thread of its own.
        """
        self._renewed.clear()
        if not self._ended:
            self._wake()
            self._renewed.wait(seconds)

    def loop_lag(self) -> int:
        """Return how late the loop answered last, or how long it owes an answer, if longer."""
        asked = self._asked_at
        owed = 0 if asked is None else self._clock.ticks() - asked
        return max(owed, self._lag)

    def stalled_for(self) -> int:
        """Return for how long the loop has owed an answer, 0 if that is not long."""
        asked = self._asked_at
        owed = 0 if asked is None else self._clock.ticks() - asked
        return owed if owed >= _STALLED_AFTER * self._lease.heartbeat else 0

    def _pause(self) -> float:
        """Return the seconds until the next renewal, at most until all jobs must stop."""
        left = self._left()
        pause = self._lease.heartbeat
        if self._failed:
            pause //= _RETRIES_PER_PAUSE
        elif self.calm and self._idle():
            pause *= 2
        return max(min(pause, left), 0) / 1_000_000

    def _left(self) -> int:
        """Return the microseconds until the lease is over; negative when it is."""
        return self._deadline - self._clock.ticks()

    async def renew(self) -> None:
        """Renew once; a call that hangs or fails is repeated until the deadline has passed.

        Any exception counts as a failed renewal: if it ended this thread, the worker would neither
        work nor end.
        """
        sent = self._clock.ticks()
        left = max(self._deadline - sent, 0)
        stalled_for = self._stall(sent)
        try:
            async with asyncio.timeout(left / 1_000_000):
                renewal = await self._renew(stalled_for)
        except Exception as error:  # noqa: BLE001 - see above
            if isinstance(error, EngineError | TimeoutError):
                self._on_answer(error, sent)
            else:
                self._on_fault(error)
            self._failed, self.calm = True, False
            if not self.valid():
                self._lose()
            return
        self._on_answer(None, sent)
        self._failed, self.calm = False, renewal.calm
        if not renewal.valid:
            self._lose()
            return
        self._note_answer(sent)
        self._deadline = self._lease.deadline(self._renewed_at(renewal, sent))
        if renewal.cancels:
            self._on_cancels(renewal.cancels)
        if renewal.order != self._order:
            self._order = renewal.order
            self._on_order(renewal.order)

    def _note_answer(self, sent: int) -> None:
        self.answered_at = now = self._clock.ticks()
        self.answer_took = max(now - sent, 0)
        self.renewal_lag = 0 if self._planned is None else max(now - self._planned, 0)

    async def _renew(self, stalled_for: int) -> Renewal:
        if self._leases is None:  # the server keeps the lease
            return Renewal(valid=True)
        if self._report is None:
            return await self._leases.renew(self._worker, stalled_for=stalled_for)
        report: str | None = None
        try:
            report = self._report()
        except Exception as error:  # noqa: BLE001 - no report is worth a lease
            self._on_fault(error)
        return await self._leases.renew(self._worker, stalled_for=stalled_for, report=report)

    def _renewed_at(self, renewal: Renewal, sent: int) -> int:
        """Return the start of the lease: when the call was sent, or the ticks that the store read.

        The store reads ticks if it is on this host. Otherwise a renewal that waited long for the
        store's lock would already have used up a part of the lease.
        """
        at = renewal.at
        return at if at is not None and sent <= at <= self._clock.ticks() else sent

    def stop(self) -> None:
        """Stop renewing; may be called from any thread."""
        self._stopped = True
        self._wake()

    def _stall(self, now: int) -> int:
        """Ask the jobs' loop for an answer; return for how long one is overdue, 0 if not long."""
        if self._asked_at is None:
            self._asked_at, self._reported = now, False
            self._ask(self._answered)
            return 0
        owed = now - self._asked_at
        if owed < _STALLED_AFTER * self._lease.heartbeat:
            return 0
        if not self._reported:
            self._reported = True
            self._on_stalled(owed / 1_000_000)
        return owed

    def _answered(self) -> None:
        if self._asked_at is not None:
            self._lag = max(self._clock.ticks() - self._asked_at, 0)
        self._asked_at = None

    def _lose(self) -> None:
        if not self.lost and not self._stopped:
            self.lost = True
            self._on_lost()


def _set(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the heartbeat has ended already
        loop.call_soon_threadsafe(event.set)


def _run(heartbeat: Heartbeat) -> None:
    with asyncio.Runner(loop_factory=SteadyLoop) as runner:
        runner.run(heartbeat.run())


class HeartbeatThread:
    """Runs a heartbeat on a separate loop and thread, so that no job's code can delay it."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        """Start the thread."""
        self._heartbeat = heartbeat
        self._thread = threading.Thread(
            target=lambda: _run(heartbeat), name="dutiful-heart", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Stop the heartbeat and wait for its thread."""
        self._heartbeat.stop()
        await in_own_thread(partial(self._thread.join, 5))


class HeartbeatTask:
    """Runs a heartbeat on the worker's own loop, for simulated time."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        """Start the task."""
        self._heartbeat = heartbeat
        self._task = asyncio.create_task(heartbeat.run())

    async def stop(self) -> None:
        """Stop the heartbeat and wait for its task."""
        self._heartbeat.stop()
        await asyncio.gather(self._task, return_exceptions=True)
