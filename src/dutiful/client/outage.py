"""Repeats a call while the store cannot be used, for as long as the caller has patience.

Jobs carry their ids, so a job that is sent twice is stored once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic, sleep
from typing import TypeVar

from dutiful.core.errors import EngineError, EngineUnavailable, ReplyUnknown
from dutiful.core.instant import SECOND, spell

T = TypeVar("T")

_FIRST, _MOST = 0.05, 1.0


def insist(call: Callable[[], T], patience: int) -> T:
    """Call until the store answers; after ``patience`` microseconds, raise its error.

    The error is ReplyUnknown if one of the tries may have been stored.
    """
    tries = _Tries(patience, monotonic)
    while True:
        try:
            return call()
        except (EngineUnavailable, ReplyUnknown) as error:
            pause = tries.pause_after(error)
        sleep(pause)


async def ainsist(call: Callable[[], Awaitable[T]], patience: int) -> T:
    """Do what `insist` does, without blocking the loop."""
    tries = _Tries(patience, asyncio.get_running_loop().time)
    while True:
        try:
            return await call()
        except (EngineUnavailable, ReplyUnknown) as error:
            pause = tries.pause_after(error)
        await asyncio.sleep(pause)


class _Tries:
    """The tries of one call."""

    __slots__ = ("_clock", "_ended", "_patience", "_pause", "_unknown")

    def __init__(self, patience: int, clock: Callable[[], float]) -> None:
        self._patience = patience
        self._clock = clock
        self._ended = clock() + patience / SECOND
        self._pause = _FIRST
        self._unknown = False

    def pause_after(self, error: EngineError) -> float:
        """Return how long to wait before the next try; raises the error when there is none."""
        self._unknown = self._unknown or isinstance(error, ReplyUnknown)
        left = self._ended - self._clock()
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
