"""Blocking calls beside an event loop, also when the interpreter is about to end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import copy_context
from typing import TypeVar

from .daemon_threads import THREADS

T = TypeVar("T")


def is_ending() -> bool:
    """Whether the main program has returned: pools refuse work, and no thread can start."""
    return not threading.main_thread().is_alive()


async def beside(call: Callable[[], T], threads: Executor | None = None) -> T:
    """Run a blocking call in a thread, or in the calling thread when no thread can be started.

    No thread can be started when the interpreter is ending, for example in an atexit function.
    The call sees a copy of the present context. Without ``threads`` it runs in a thread of
    Dutiful's own, not in one of the loop's default threads: the application's code may have
    occupied all of those for an hour, or shut them down.
    """
    if is_ending():
        return call()
    context = copy_context()  # among others, it holds the thread that waits for this call
    return await asyncio.get_running_loop().run_in_executor(
        THREADS if threads is None else threads, context.run, call
    )
