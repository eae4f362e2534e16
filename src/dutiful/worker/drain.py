"""The end of a registration: running jobs get a grace period, are interrupted, and released."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Literal

from dutiful.core.errors import EngineError

from .executor import Executor
from .fetch_loop import FetchLoop
from .grace import cleanup_seconds

LOST_GRACE = 0.5
"""Seconds that interrupted coroutines get after the lease is lost: other workers may soon start
the same jobs."""


class Drain:
    """Brings the jobs of one registration to their end. Every method is called on the loop."""

    def __init__(
        self,
        executor: Executor,
        fetch_loop: FetchLoop,
        changed: asyncio.Event,
        *,
        grace: float,
        lost: Callable[[], bool],
        cut_off: Callable[[int], None],
    ) -> None:
        """Begin nothing yet; ``lost`` says whether the worker's lease is lost.

        ``cut_off`` is called with the number of jobs that were stopped for that reason.
        """
        self._executor = executor
        self._fetch_loop = fetch_loop
        self._changed = changed
        self._time = asyncio.get_running_loop().time
        self._lost = lost
        self._report_cut_off = cut_off
        self._cut_off: set[str] = set()
        self.grace = grace
        """Seconds that running jobs get, with the time to clean up; may be shortened any time."""

    def interrupt(self, why: Literal["shutdown", "lost"]) -> None:
        """Interrupt all running jobs."""
        for running in list(self._executor.running.values()):
            running.interrupt(why)
            if why == "lost":
                self._cut_off.add(running.job.id)

    async def run(self, *, lost: bool) -> None:
        """Let running jobs end, interrupt those that do not, and release the rest."""
        executor = self._executor
        executor.drain()
        if lost:
            self.interrupt("lost")
            self._report_cut_off(len(self._cut_off))
        with contextlib.suppress(EngineError):
            await self._wind_down(_lost_grace if lost else self._undisturbed, lost=lost)
            if executor.running:
                self.interrupt("lost" if lost else "shutdown")
                await self._wind_down(_lost_grace if lost else self._cleanup, lost=lost)
            executor.give_up()
            await self._fetch_loop.flush()

    def _undisturbed(self) -> float:
        return max(self.grace - self._cleanup(), 0)

    def _cleanup(self) -> float:
        return cleanup_seconds(self.grace)

    async def _wind_down(self, most: Callable[[], float], *, lost: bool) -> None:
        """Settle attempts as they end, for ``most()`` seconds, or fewer after a second stop."""
        end = self._time() + most()
        executor = self._executor
        while executor.running or (executor.delayed and not lost):
            await self._fetch_loop.flush()
            end = min(end, self._time() + most())
            left = end - self._time()
            if left <= 0 or (self._lost() and not lost):
                return
            self._changed.clear()
            # Attempts that ended during the flush have set the event already, which is now cleared.
            if executor.ended or not (executor.running or executor.delayed):
                continue
            due_in = executor.delayed.due_in
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left if due_in is None else min(left, due_in)):
                    await self._changed.wait()


def _lost_grace() -> float:
    return LOST_GRACE
