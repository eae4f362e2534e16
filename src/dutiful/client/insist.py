"""Asks again when the reply to an enqueue was lost: jobs carry their ids, so twice stores once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from dutiful.core.errors import ReplyUnknown

T = TypeVar("T")

_PAUSES = (0.05, 0.2, 0.5, 1.0)


def insist(call: Callable[[], T]) -> T:
    """Call until the reply is known, five times at most; then ReplyUnknown is the caller's."""
    for pause in _PAUSES:
        try:
            return call()
        except ReplyUnknown:
            time.sleep(pause)
    return call()


async def ainsist(call: Callable[[], Awaitable[T]]) -> T:
    """Do what `insist` does, without blocking the loop."""
    for pause in _PAUSES:
        try:
            return await call()
        except ReplyUnknown:
            await asyncio.sleep(pause)
    return await call()
