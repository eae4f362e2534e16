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
    """Run a call in a thread; in this one where no thread can be started any more, as in atexit.

    Without ``threads`` it sees the present context, and runs in a thread of ours: the loop's
    default ones are anybody's, who may have taken all of them for an hour, or shut them down.
    """
    if is_ending():
        return call()
    context = copy_context()  # which tells, for one, who waits for the call
    return await asyncio.get_running_loop().run_in_executor(
        THREADS if threads is None else threads, context.run, call
    )
