"""Waiting for what no event announces: asked again and again, with a limit."""

import asyncio
import time
from collections.abc import Callable
from typing import Any


async def until(
    ready: Callable[[], Any], seconds: float = 60, what: str = "", pause: float = 0.005
) -> Any:
    """Return the first true answer; fail when there is none in time."""
    end = time.monotonic() + seconds
    while not (answer := ready()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        await asyncio.sleep(pause)
    return answer


def wait_until(
    ready: Callable[[], Any], seconds: float = 60, what: str = "", pause: float = 0.02
) -> Any:
    """Do what `until` does, in a thread that may block."""
    end = time.monotonic() + seconds
    while not (answer := ready()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(pause)
    return answer
