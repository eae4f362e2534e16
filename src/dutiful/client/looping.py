"""Keeps sync calls off event loops, which they would hold up."""

from __future__ import annotations

import asyncio

from dutiful.core.errors import UsageError


def refuse_on_loop(name: str) -> None:
    """Raise UsageError where an event loop runs in this thread, with the async twin to await."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise UsageError(
        f"{name}() would hold up the event loop that runs here, with all that waits on it; "
        f"write `await ...a{name}(...)`, or call it in a thread: asyncio.to_thread"
    )
