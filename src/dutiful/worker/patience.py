"""Keeps asking a store that is in trouble, and says so once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.core.event import Emit, EngineRecovered, EngineTroubled
from dutiful.core.retry import Random

T = TypeVar("T")

_FIRST, _MOST = 0.05, 2.0
_GLANCE = 0.1


class Patience:
    """Repeats a call while the store is unavailable; every call it is given must be repeatable.

    One serves all sessions of a worker, so that one trouble is told once.
    """

    def __init__(self, emit: Emit, rng: Random) -> None:
        """Start without trouble."""
        self._emit = emit
        self._rng = rng
        self._since: float | None = None
        self.failures = 0
        """How many calls have failed so far; a reply that was lost is one of them."""

    async def ask(self, call: Callable[[], Awaitable[T]], until: Callable[[], bool]) -> T:
        """Return the call's result; raises the store's error once ``until`` is true."""
        pause = _FIRST
        loop = asyncio.get_running_loop()
        while True:
            try:
                result = await call()
            except (EngineUnavailable, ReplyUnknown) as error:
                self.failures += 1
                if until():
                    raise
                if self._since is None:
                    self._since = loop.time()
                    self._emit(EngineTroubled(str(error)))
                await self._rest(pause * (0.5 + self._rng.random()), until)
                pause = min(pause * 2, _MOST)
            else:
                if self._since is not None:
                    self._emit(EngineRecovered(loop.time() - self._since))
                    self._since = None
                return result

    async def _rest(self, seconds: float, until: Callable[[], bool]) -> None:
        """Sleep, but not on when there is no more time to wait."""
        while seconds > 0 and not until():
            await asyncio.sleep(min(seconds, _GLANCE))
            seconds -= _GLANCE
