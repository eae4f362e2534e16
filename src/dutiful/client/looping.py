"""Keeps sync calls off event loops, which they would block."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from dutiful.core.errors import UsageError

running_loop: Callable[[], asyncio.AbstractEventLoop | None] = asyncio._get_running_loop
"""Return the event loop that runs in this thread, or None."""


def refuse_on_loop(name: str, *, call: str = "", instead: str = "") -> None:
    """Raise UsageError where an event loop runs in this thread; it names the async method.

    ``call`` and ``instead`` word what was called, and what to write, where that is no pair of
    methods ``name`` and ``aname``.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        f"{call or f'{name}()'} would block the event loop that runs in this thread; "
        f"write `{instead or f'await ...a{name}(...)'}`, or call it in a thread: asyncio.to_thread"
    )
