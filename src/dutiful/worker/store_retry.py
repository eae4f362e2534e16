"""Repeats calls to a store that is unavailable, and reports the outage once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dutiful.core.errors import EngineUnavailable, JobLocked, ReplyUnknown
from dutiful.core.retry import Random
from dutiful.services.trouble import OutageReport

from .capacity import shortage

T = TypeVar("T")

_FIRST, _MOST = 0.05, 2.0
_GLANCE = 0.1
_LOCKED = 0.3
"""A locked job is reported once the pause between calls is this many seconds long."""
_WHO = "jobs"


class StoreRetry:
    """Repeats a call while the store is unavailable; every such call must be safe to repeat.

    One object serves all registrations of a worker; it reports to the worker's `OutageReport`.
    """

    def __init__(self, trouble: OutageReport, rng: Random) -> None:
        """Start without a failure."""
        self.trouble = trouble
        self._rng = rng
        self.failures = 0
        """How many calls have failed so far, those with a lost reply included."""

    async def ask(
        self,
        call: Callable[[], Awaitable[T]],
        until: Callable[[], bool],
        locked: Callable[[JobLocked], None] | None = None,
    ) -> T:
        """Return the call's result; raises the store's error once ``until`` is true.

        A lock on a single job is not an outage of the store; ``locked`` is called with its error.
        """
        pause = _FIRST
        while True:
            began = self.trouble.ticks()
            try:
                result = await call()
            except Exception as error:
                if not (isinstance(error, EngineUnavailable | ReplyUnknown) or shortage(error)):
                    raise
                self.failures += 1
                if until():
                    self.trouble.left(_WHO)
                    raise
                if isinstance(error, JobLocked):
                    self.trouble.answered(_WHO)
                    if locked is not None and pause >= _LOCKED:
                        locked(error)
                else:
                    self.trouble.met(_WHO, error, began)
                await self._rest(pause * (0.5 + self._rng.random()), until)
                pause = min(pause * 2, _MOST)
            else:
                self.trouble.answered(_WHO)
                return result

    async def _rest(self, seconds: float, until: Callable[[], bool]) -> None:
        """Sleep, but end when ``until`` is true."""
        while seconds > 0 and not until():
            await asyncio.sleep(min(seconds, _GLANCE))
            seconds -= _GLANCE
