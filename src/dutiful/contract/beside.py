"""Blocking calls beside an event loop, also when the interpreter is about to end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


def is_ending() -> bool:
    """Whether the main program has returned: pools refuse work, and no thread can start."""
    return not threading.main_thread().is_alive()


async def beside(call: Callable[[], T], threads: Executor | None = None) -> T:
    """Run a call in a thread; in this one where no thread can be started any more, as in atexit."""
    if is_ending():
        return call()
    return await asyncio.get_running_loop().run_in_executor(threads, call)
