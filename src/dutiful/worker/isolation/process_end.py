"""Ends a process that ran jobs, even if threads that jobs left still run."""

from __future__ import annotations

import atexit
import logging
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from types import FrameType
from typing import Any

from dutiful.worker.system import os, signal

_LOG = logging.getLogger("dutiful")

_OPEN = open
"""The built-in function, which a task may replace."""
_THREADS_SECONDS = 0.5
"""How long threads that tasks left may run on after the worker's end."""
_EXIT_SECONDS = 5.0
"""How long the program's own atexit functions may take."""
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ECHO = 0.5
"""Seconds in which a further signal counts as a repetition of the one that asked for this end."""


def end_process(code: int, *, clean: bool = True) -> int:
    """Return the exit code, or end the process with it if threads would keep the process alive.

    Threads get half a second. Then those that still run are logged, the functions of ``atexit``
    run, and the process ends without waiting for the threads. Unless ``clean``, threads of the
    worker itself run on.
    """
    end_on_signal(code)
    _restore_streams()
    left = _left()
    if left:
        names = ", ".join(sorted(thread.name for thread in left))
        text = "%d threads that jobs left behind still run (%s); the process ends without them"
        with suppress(Exception):
            _LOG.warning(text, len(left), names)
    limit_end(code)
    if left or not clean:
        with suppress(Exception):
            vars(atexit)["_run_exitfuncs"]()
        _leave(code)
    return code


def end_hung(code: int) -> None:
    """End the process from any thread without running anything else of it: its loop hangs.

    Everything that it ran ends with it, so no job runs on beside its rescue. The kernel ends the
    child processes (see `parent_death`).
    """
    # A stream may be blocked, as the pipe of a reader that does not read.
    _aside(_flush, monotonic() + _THREADS_SECONDS)
    os._exit(code)


def _left() -> list[threading.Thread]:
    """Return the threads that Python would wait for and that do not end within half a second."""
    end = monotonic() + _THREADS_SECONDS
    # Idle threads of executors end on request, as they do when Python itself ends.
    pools = sys.modules.get("concurrent.futures.thread")
    if pools is not None:
        _aside(lambda: vars(pools)["_python_exit"](), end)
    for thread in _waited_for():
        thread.join(max(end - monotonic(), 0))
    return _waited_for()


def _waited_for() -> list[threading.Thread]:
    mine = {threading.current_thread(), threading.main_thread()}
    # Python also waits for threads of executors, though they are daemons.
    pools = sys.modules.get("concurrent.futures.thread")
    pooled = set[Any]() if pools is None else set(vars(pools)["_threads_queues"])
    return [
        thread
        for thread in threading.enumerate()
        if thread not in mine and (not thread.daemon or thread in pooled)
    ]


def _aside(call: Callable[[], Any], end: float) -> None:
    """Call in a daemon thread, and wait for it until ``end``."""
    try:
        thread = threading.Thread(target=call, name="dutiful-end", daemon=True)
        thread.start()
    except RuntimeError:  # the system has no thread left
        return
    thread.join(max(end - monotonic(), 0))


def limit_end(code: int) -> None:
    """End the process if its regular end takes too long."""

    def watch() -> None:
        sleep(_EXIT_SECONDS)
        with suppress(Exception):
            _LOG.warning("atexit functions took over %g s; ending without them", _EXIT_SECONDS)
        _leave(code)

    with suppress(RuntimeError):
        threading.Thread(target=watch, name="dutiful-limit", daemon=True).start()


@contextmanager
def held_back() -> Generator[None]:
    """Delay signals that ask for a stop until the end of a block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_on_signal(code: int) -> None:
    """Have a further TERM, INT or HUP end the process immediately."""
    since = monotonic()

    def obey(number: int, frame: FrameType | None) -> None:
        if monotonic() - since > _ECHO:
            _leave(code)

    with suppress(ValueError):  # not the main thread, which handles the signals
        for number in _STOPS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, obey)


def _restore_streams() -> None:
    """Restore the process's own streams where tasks have left broken ones."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except Exception:  # noqa: BLE001 - whatever it is, it is not a stream
            setattr(sys, name, _own_stream(name))


def _own_stream(name: str) -> Any:
    stream: Any = getattr(sys, f"__{name}__")
    with suppress(Exception):
        stream.flush()
        return stream
    return _OPEN(os.devnull, "w", encoding="utf-8")


def _leave(code: int) -> None:
    _flush()
    os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
