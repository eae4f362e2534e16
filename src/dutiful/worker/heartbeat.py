"""Renews the lease in a separate thread, and decides when this worker must stop its jobs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial

from dutiful.contract.clock import Clock
from dutiful.contract.roles.fleet import Leases, Renewal
from dutiful.core.errors import EngineError
from dutiful.core.lease import Lease

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
    ) -> None:
        """Start valid: the worker has just joined. Callbacks are called in the heartbeat's thread.

        ``ask`` passes a call to the loop that runs the jobs, to check that it still answers. An
        ``idle`` worker has no jobs to lose and renews half as often.
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
        self.calm = False
        """Whether the last renewal said that no job has to be rescued."""
        self._asked_at: int | None = None
        self._reported = False
        self._deadline = lease.deadline(clock.ticks())
        self._stopped = False
        self._failed = False
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
        while not self._stopped:
            try:
                async with asyncio.timeout(self._pause()):
                    await stop.wait()
            except TimeoutError:
                await self.renew()
            if self.lost:
                return

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
        self._deadline = self._lease.deadline(self._renewed(renewal, sent))
        if renewal.cancels:
            self._on_cancels(renewal.cancels)

    async def _renew(self, stalled_for: int) -> Renewal:
        if self._leases is None:  # the server keeps the lease
            return Renewal(valid=True)
        return await self._leases.renew(self._worker, stalled_for=stalled_for)

    def _renewed(self, renewal: Renewal, sent: int) -> int:
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
