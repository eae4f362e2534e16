"""Begins an attempt's transaction, and waits while the store is unavailable.

Nothing has happened in the transaction yet, so it is safe to begin again: an outage that is shorter
than the lease costs the attempt some time only, as it does where a step is recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from time import monotonic, sleep
from typing import TypeVar

from dutiful.core.errors import EngineUnavailable
from dutiful.core.outcome import Cancel

T = TypeVar("T")

MOST_SECONDS = 60.0
"""How long an attempt waits for the store; then its transaction has failed."""
_FIRST, _LONGEST, _GLANCE = 0.05, 2.0, 0.1


def begin_patiently(begin: Callable[[], T], ends: Callable[[], bool]) -> T:
    """Return what ``begin`` returns; blocks, for up to a minute while the store is unavailable.

    Raises the store's error after that, and Cancel from it as soon as ``ends`` is true.
    """
    pauses = _pauses()
    while True:
        try:
            return begin()
        except EngineUnavailable as error:
            left = _next(pauses, error, ends)
        while left > 0 and not ends():
            sleep(min(left, _GLANCE))
            left -= _GLANCE


async def abegin_patiently(begin: Callable[[], Awaitable[T]], ends: Callable[[], bool]) -> T:
    """Do what `begin_patiently` does, on a loop: a cancelled task ends the wait."""
    pauses = _pauses()
    while True:
        try:
            return await begin()
        except EngineUnavailable as error:
            left = _next(pauses, error, ends)
        await asyncio.sleep(left)


def _next(pauses: Generator[float], error: EngineUnavailable, ends: Callable[[], bool]) -> float:
    """Return the seconds until the next try, or raise why there is none."""
    if ends():
        raise Cancel("the attempt was asked to end while it began its transaction") from error
    pause = next(pauses, None)
    if pause is None:
        raise error
    return pause


def _pauses() -> Generator[float]:
    began, pause = monotonic(), _FIRST
    while monotonic() - began < MOST_SECONDS:
        yield pause
        pause = min(pause * 2, _LONGEST)
