"""Repeats a call while the store cannot be used, for as long as the caller has patience.

Jobs carry their ids, so a job that is sent twice is stored once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dutiful.core.errors import EngineError, EngineUnavailable, ReplyUnknown
from dutiful.core.instant import SECOND, spell

T = TypeVar("T")

_FIRST, _MOST = 0.05, 1.0


class OutageRetry:
    """The failed tries of one call, and when it is given up."""

    __slots__ = ("_end", "_patience", "_pause", "_unknown")

    def __init__(self, patience: int, began: float) -> None:
        """Begin with none; ``patience`` is in microseconds from ``began``, in seconds, on."""
        self._patience = patience
        self._end = began + patience / SECOND
        self._pause = _FIRST
        self._unknown = False

    def pause_after(self, error: EngineError, now: float) -> float:
        """Return how many seconds to wait before the next try.

        When the patience is at its end, raises the error, with how long the call was tried. It is
        ReplyUnknown if one of the tries may have been stored.
        """
        self._unknown = self._unknown or isinstance(error, ReplyUnknown)
        left = self._end - now
        if left <= 0:
            raise self._last(error) from error
        pause = min(self._pause, left)
        self._pause = min(self._pause * 2, _MOST)
        return pause

    def _last(self, error: EngineError) -> EngineError:
        text = str(error)
        if self._patience:
            text = f"{text}; tried for {spell(self._patience)} (enqueue_patience)"
        if not self._unknown:
            return EngineUnavailable(text)
        if not isinstance(error, ReplyUnknown):
            text = f"{text}; an earlier try may have stored it"
        return ReplyUnknown(text)


async def arepeat(call: Callable[[], Awaitable[T]], patience: int) -> T:
    """Call until the store answers; after ``patience`` microseconds, raise its error."""
    clock = asyncio.get_running_loop().time
    outage = OutageRetry(patience, clock())
    while True:
        try:
            return await call()
        except (EngineUnavailable, ReplyUnknown) as error:
            pause = outage.pause_after(error, clock())
        await asyncio.sleep(pause)
