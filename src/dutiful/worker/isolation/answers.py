"""Carries what a call in a thread returned or raised to the coroutine that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from dutiful.worker import forks

Answer = tuple[Any, BaseException | None]


def caught(call: Callable[[], Any]) -> Answer:
    """Call, and return the value or what was raised."""
    try:
        return forks.guarded(call), None
    except BaseException as error:  # noqa: BLE001 - carried to the loop and raised there
        return None, error


def resolve(future: asyncio.Future[Answer], over: Callable[[], Any] | None, ended: Answer) -> None:
    """Give an answer to who awaits it, if that is still the case; first call ``over``."""
    if over is not None:
        over()
    if not future.done():
        future.set_result(ended)
