"""Keeps forked copies of a worker, and of its children, from continuing the worker's code.

A copy that a task forked runs the task's function to its end, and then the copy ends. It must not
go on, because it shares the descriptors of the original process.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from dutiful.core.errors import UsageError

from .system import os, signal

T = TypeVar("T")

_FLUSH_SECONDS = 5
_FAILED = 1
_FORK_SECONDS = 5.0
"""Seconds to wait for another thread's fork; the fork may hang in a function of the program."""
_forking = threading.RLock()
"""Held during forks; re-entrant, as a signal handler may fork in the thread that holds it."""


class ProcessOrigin:
    """What code that may also run in a forked copy knows about the original process."""

    __slots__ = ("descriptors", "pid", "signals")

    def __init__(self) -> None:
        """Take the calling process as the original."""
        self.pid = os.getpid()
        self.descriptors: dict[int, tuple[int, int]] = {}
        """Descriptors that a copy closes: if they stayed open, the original's end would be hidden.

        Each is stored with the file that it is open on, because its number may be reused.
        """
        self.signals: set[int] = set()
        """Signals that a copy must not handle, because the wakeup descriptor is the original's."""


this_process = ProcessOrigin()


def copied(pid: int) -> bool:
    """Whether this process is a copy of the one that had the number ``pid``."""
    return os.getpid() != pid


def refuse_copy(pid: int, job_id: str) -> None:
    """Raise UsageError in a copy of the process that runs a job: the attempt is the original's."""
    if copied(pid):
        raise UsageError(
            f"job {job_id}: a forked copy of the task has no part in its attempt; take steps and "
            "open transactions in the process that runs the job"
        )


def close_in_copies(descriptor: int) -> None:
    """Have copies that are made from now on close a descriptor."""
    this_process.descriptors[descriptor] = _file(descriptor)


def keep_in_copies(descriptor: int) -> None:
    """Forget a descriptor; must be called before it is closed and its number used again."""
    this_process.descriptors.pop(descriptor, None)


@contextmanager
def no_forks() -> Generator[None]:
    """Prevent forks in other threads during a block that opens descriptors for a child process.

    A copy would hold the descriptors open, so that a wait for their end would last until the copy
    ends.
    """
    alone = _forking.acquire(timeout=_FORK_SECONDS)
    try:
        yield
    finally:
        if alone:
            _forking.release()


def reset_in_copies(numbers: Iterable[int]) -> None:
    """Have copies that are made from now on handle signals as a new process does."""
    this_process.signals.update(numbers)


def guarded(call: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call a function; if it forked, end the copy as soon as the function returns there."""
    pid = this_process.pid
    try:
        value = call(*args, **kwargs)
    except BaseException as error:
        if copied(pid):
            leave(error)
        raise
    if copied(pid):
        leave(None)
    return value


def leave(error: BaseException | None) -> NoReturn:
    """End a copy as Python ends a program, but leave alone what belongs to the original."""
    code = _FAILED
    try:
        # A lock that another thread of the original held at the fork is never released here.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_FLUSH_SECONDS)
        code = _code(error)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
    finally:
        os._exit(code)


def _code(error: BaseException | None) -> int:
    if error is None or isinstance(error, StopIteration):
        return 0
    if isinstance(error, SystemExit):
        if error.code is None:
            return 0
        if isinstance(error.code, int):
            return error.code & 0xFF
        with contextlib.suppress(Exception):
            print(error.code, file=sys.stderr)  # noqa: T201 - as Python does at its own end
        return _FAILED
    traceback.print_exception(error)
    return _FAILED


def _after_fork_in_child() -> None:
    global _forking, this_process
    _forking = threading.RLock()
    origin, this_process = this_process, ProcessOrigin()
    if origin.signals:
        with contextlib.suppress(ValueError):
            signal.set_wakeup_fd(-1)
        for number in origin.signals:
            signal.signal(number, signal.SIG_DFL)
    for descriptor, file in origin.descriptors.items():
        with contextlib.suppress(OSError):
            if _file(descriptor) == file:
                os.close(descriptor)


def _file(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _before_fork() -> None:
    _forking.acquire()


def _after_fork_in_parent() -> None:
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork_in_parent,
        after_in_child=_after_fork_in_child,
    )
