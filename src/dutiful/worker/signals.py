"""What signals mean to a worker: drain, hand back, dump stacks."""

from __future__ import annotations

import asyncio
import faulthandler
import signal
import sys
from collections.abc import Callable
from types import FrameType

_STOPS = (signal.SIGTERM, signal.SIGINT)


def on_stop(stop: Callable[[float | None], None]) -> None:
    """Call ``stop(None)`` at the first TERM or INT (drain), ``stop(0)`` at the second.

    Call it on the running loop's own thread, which must be the main one.
    """
    loop = asyncio.get_running_loop()
    asked = 0

    def handle() -> None:
        nonlocal asked
        asked += 1
        stop(None if asked == 1 else 0)

    for number in _STOPS:
        loop.add_signal_handler(number, handle)


def dump_on_usr1() -> None:
    """Print every thread's stack at USR1, even while the loop is blocked, then every task's."""
    loop = asyncio.get_running_loop()

    def dump_tasks(number: int, frame: FrameType | None) -> None:
        for task in asyncio.all_tasks(loop):
            task.print_stack(limit=8, file=sys.stderr)

    signal.signal(signal.SIGUSR1, dump_tasks)
    faulthandler.register(signal.SIGUSR1, file=2, all_threads=True, chain=True)
