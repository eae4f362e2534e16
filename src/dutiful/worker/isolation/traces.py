"""Undoes what a job has changed in its process as a whole, before the next job runs there."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from typing import Any

from dutiful.worker.system import gc, os, resource, signal, time

_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_SIGNALS = tuple(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
_LIMITS = (
    resource.RLIMIT_AS,
    resource.RLIMIT_CPU,
    resource.RLIMIT_DATA,
    resource.RLIMIT_FSIZE,
    resource.RLIMIT_NOFILE,
)
_raw: Any = vars(signal).get("_signal", signal)
"""The C module, whose functions make no enumerations: each job needs 60 calls twice."""
_ENVIRON = os.environ  # which a task may replace
_VARIABLES: dict[Any, Any] = vars(os.environ).get("_data", os.environ)
"""The environment as Python stores it, which can be copied and compared without decoding."""
_PRIVATE = 0o077
_ROOT = "/"
_TRIES = 3


class Traces:
    """The state of the process before a job's function is called; `clear` restores it.

    What modules set when they are imported is a part of that state, and stays.
    """

    def __init__(self) -> None:
        """Record the state; call it in the main thread, which handles the signals."""
        self._timers = [timer for timer in _TIMERS if _raw.getitimer(timer) != (0.0, 0.0)]
        self._handlers = [_raw.getsignal(number) for number in _SIGNALS]
        self._mask = _raw.pthread_sigmask(signal.SIG_BLOCK, ())
        self._folder = _folder()
        # The umask can only be read by setting it; files that a thread makes meanwhile are private.
        self._umask = os.umask(_PRIVATE)
        os.umask(self._umask)
        self._variables = _VARIABLES.copy()
        self._limits = [resource.getrlimit(limit) for limit in _LIMITS]
        self._timeout = socket.getdefaulttimeout()
        self._depth = sys.getrecursionlimit()
        self._interval = sys.getswitchinterval()
        self._collects = gc.isenabled()
        self._thresholds = gc.get_threshold()

    def clear(self) -> None:
        """Undo what differs; a signal handler that the job has set may raise meanwhile."""
        for _ in range(_TRIES):
            with suppress(BaseException):
                self._clear()
                return

    def _clear(self) -> None:
        self._clear_signals()
        os.umask(self._umask)
        if (now := _folder()) is None or now != self._folder:
            _go(self._folder)
        if self._variables != _VARIABLES:
            self._clear_variables()
        for limit, before in zip(_LIMITS, self._limits, strict=True):
            if resource.getrlimit(limit) != before:
                _limit(limit, before)
        socket.setdefaulttimeout(self._timeout)
        sys.setrecursionlimit(self._depth)
        sys.setswitchinterval(self._interval)
        gc.set_threshold(*self._thresholds)
        (gc.enable if self._collects else gc.disable)()

    def _clear_signals(self) -> None:
        for timer in _TIMERS:
            if timer not in self._timers:
                _raw.setitimer(timer, 0)
        blocked = _raw.pthread_sigmask(signal.SIG_BLOCK, ()) - self._mask
        for number in blocked & _raw.sigpending():
            signal.signal(number, signal.SIG_IGN)  # this discards a pending signal
        for number, before in zip(_SIGNALS, self._handlers, strict=True):
            if _raw.getsignal(number) is not before and before is not None:
                signal.signal(number, before)
        _raw.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _clear_variables(self) -> None:
        zone = _ENVIRON.get("TZ")
        for name in list(_VARIABLES.keys() - self._variables.keys()):
            del _ENVIRON[os.fsdecode(name)]
        for name, value in self._variables.items():
            if _VARIABLES.get(name) != value:
                _ENVIRON[os.fsdecode(name)] = os.fsdecode(value)
        if _ENVIRON.get("TZ") != zone:
            time.tzset()


def _folder() -> str | None:
    """Return the working directory; None when it has been removed."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _go(folder: str | None) -> None:
    """Return to a folder, or to the root if it is gone: never stay where a job has been."""
    for one in (folder, _ROOT):
        if one is not None:
            with suppress(OSError):
                os.chdir(one)
                return


def _limit(limit: int, before: tuple[int, int]) -> None:
    """Raise a limit again, as far as the job has left the right to do so."""
    hard = resource.getrlimit(limit)[1]
    for one in (before, (hard, hard)):
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, one)
            return
