"""What signals mean to a worker: drain, release, dump stacks."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import sys
from collections.abc import Callable
from types import FrameType

from . import forks
from .isolation.standard import open_standard
from .system import signal

_ONE_AND_THE_SAME = 0.5
"""Seconds in which a second signal counts as the same request: a service manager signals a whole
process group, and the supervisor in that group signals its children again."""
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_AGAIN = 1.0
"""Seconds after which the handlers, the loop's task factory and the thread switch interval are set
again, in case a task has replaced them."""


def stop_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that request a stop; under ``nohup`` SIGHUP is not one of them."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        return _STOPS[:2]
    return _STOPS


def on_stop(stop: Callable[[float | None], None]) -> None:
    """Call ``stop(None)`` at the first TERM, INT or HUP (drain), ``stop(0)`` at the second.

    Call it on the running loop's own thread, which must be the main one.
    """
    loop = asyncio.get_running_loop()
    factory, interval = loop.get_task_factory(), sys.getswitchinterval()
    first: float | None = None

    def handle() -> None:
        nonlocal first
        now = loop.time()
        if first is None:
            first = now
            stop(None)
        elif now - first > _ONE_AND_THE_SAME:
            stop(0)

    numbers = stop_signals()
    forks.reset_in_copies((*numbers, signal.SIGUSR1))

    def hear(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(handle)

    def hold() -> None:
        # Not the loop's own handlers: those of uvloop need the wakeup descriptor, which a task may
        # replace. These handlers run when the loop's thread next runs Python code.
        for number in numbers:
            signal.signal(number, hear)
            signal.siginterrupt(number, False)
        loop.set_task_factory(factory)
        sys.setswitchinterval(interval)
        open_standard()
        loop.call_later(_AGAIN, hold)

    hold()


def dump_on_usr1() -> None:
    """Print every thread's stack at USR1, even while the loop is blocked, then every task's.

    The tasks' stacks are printed when the loop is free, since the handler may have interrupted
    another write to the same stream.
    """
    loop = asyncio.get_running_loop()

    def dump_tasks() -> None:
        for task in asyncio.all_tasks(loop):
            task.print_stack(limit=8, file=sys.stderr)

    def ask(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(dump_tasks)

    signal.signal(signal.SIGUSR1, ask)
    faulthandler.register(signal.SIGUSR1, file=2, all_threads=True, chain=True)
