"""Ends a wait that is under way in time for what was found to be due sooner."""

from __future__ import annotations

import asyncio


def shorten(wait: asyncio.Timeout | None, due_in: float | None) -> None:
    """Shorten the present wait to ``due_in`` seconds, when a job, such as a retry, is due."""
    if wait is None or due_in is None or wait.expired():
        return
    when, known = asyncio.get_running_loop().time() + due_in, wait.when()
    if known is None or when < known:
        wait.reschedule(when)
