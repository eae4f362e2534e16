"""Finds out that a worker hangs, from a thread that needs neither its loop nor its store.

A worker hangs when its loop has not answered for `WorkerOptions.hung_after`, or when it holds
claimed jobs and neither starts nor settles any for that long (a minute at least), though it has
free slots and the store answers. The time counts in looks: a process that was frozen, or a host
that slept, counts as one look, so neither is taken for a hang when it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable

import msgspec

from dutiful.contract.clock import Clock
from dutiful.core.event import Emit, WorkerHung
from dutiful.core.instant import SECOND

from .blocked_loop import blocking_job, debugged, frames_of, stack, where
from .condition import Condition, Hang

_LOG = logging.getLogger("dutiful")

_LOOKS = 6
"""So many looks are taken within the limit."""
_PAUSE_MOST = 10.0
_PROGRESS_LEAST = 60 * SECOND
"""A call to the store may take so long before it fails, as when a lock is held."""
_TELL_SECONDS = 3.0
"""How long logging may take, and how long the last report, before the process ends."""


class ProcessOwner(msgspec.Struct, frozen=True):
    """What is done with the process of a worker that has one of its own."""

    end: Callable[[], None] | None = None
    """Ends the process of a worker that hangs. None where other code lives in the process, too."""
    looked: Callable[[bool], None] = lambda healthy: None
    """Called at each look with whether the worker is healthy, as a service manager wants it."""
    every: float = _PAUSE_MOST
    """Seconds between two looks at most."""


class Watchdog:
    """Looks at one worker again and again; without a limit it only calls ``owner.looked``."""

    def __init__(
        self,
        condition: Condition,
        limit: int | None,
        clock: Clock,
        emit: Emit,
        owner: ProcessOwner,
    ) -> None:
        """Look at nothing yet; ``limit`` in microseconds."""
        self._condition = condition
        self._limit = limit
        self._clock = clock
        self._emit = emit
        self._owner = owner
        pause = min(_PAUSE_MOST, owner.every)
        self._pause = pause if limit is None else min(pause, limit / SECOND / _LOOKS)
        self._over = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._looked_at = 0
        self._asked = False
        self._owed = 0
        self._progress: object = None
        self._stuck = 0

    def start(self) -> None:
        """Start the thread; call this on the loop that runs the jobs."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._looked_at = self._clock.ticks()
        threading.Thread(target=self._run, name="dutiful-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Look no more; may be called from any thread."""
        self._over.set()

    def look(self) -> Hang | None:
        """Look once, and return why the worker hangs, if it does."""
        now = self._clock.ticks()
        step = min(now - self._looked_at, round(2 * self._pause * SECOND))
        self._looked_at = now
        self._ask(step)
        self._count_stuck(step)
        return None if self._limit is None else self._judge(now, self._limit)

    def _run(self) -> None:
        while not self._over.wait(self._pause):
            hang = self.look()
            if hang is not None and self._condition.hang is None:
                self._tell(hang)
            elif hang is None:
                self._condition.hang = None
            self._owner.looked(hang is None)
            if hang is not None and self._owner.end is not None and self.look() is not None:
                self._owner.end()

    def _ask(self, step: int) -> None:
        if self._asked:
            self._owed += step
            return
        self._asked, self._owed = True, 0
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._answered)

    def _answered(self) -> None:
        self._asked, self._owed = False, 0

    def _count_stuck(self, step: int) -> None:
        registration = self._condition.registration
        progress = None if registration is None else registration.held_back()
        if progress is not None and progress == self._progress:
            self._stuck += step
        else:
            self._stuck = 0
        self._progress = progress

    def _judge(self, now: int, limit: int) -> Hang | None:
        if self._asked and self._owed >= limit:
            return self._blocked(now, self._owed)
        if self._stuck >= max(limit, _PROGRESS_LEAST):
            seconds = self._stuck / SECOND
            return Hang(
                f"it holds claimed jobs, and has started or settled none for {seconds:.0f} s, "
                "though slots are free and the store answers",
                now - self._stuck,
            )
        return None

    def _blocked(self, now: int, owed: int) -> Hang | None:
        frames = frames_of(self._loop_thread)
        if debugged(frames):
            return None
        registration = self._condition.registration
        running = () if registration is None else list(registration.executor.running.values())
        job = blocking_job(frames, running)
        reason = f"its loop has not answered for {owed / SECOND:.0f} s"
        if job is not None:
            reason += f", blocked by job {job.job.id} ({job.job.task})"
        if place := where(frames):
            reason += f", at {place}"
        if job is None:
            return Hang(reason, now - owed)
        return Hang(reason, now - owed, job.job.id, job.job.task)

    def _tell(self, hang: Hang) -> None:
        """Report a hang: on the bus, in the log, and in the store as long as the lease holds."""
        self._condition.hang = hang
        registration = self._condition.registration
        worker = "" if registration is None else registration.worker
        frames = frames_of(self._loop_thread)

        def say() -> None:
            self._emit(WorkerHung(worker, hang.reason, hang.job_id, hang.task))
            if frames:
                _LOG.error("the stack of the loop's thread:\n%s", stack(frames))

        # The loop may hang in the middle of a log call, and hold a lock that this needs.
        teller = threading.Thread(target=say, name="dutiful-hung", daemon=True)
        teller.start()
        if registration is not None:
            registration.heartbeat.renew_now(_TELL_SECONDS)
        teller.join(_TELL_SECONDS)
