"""The duties of a container's first process: pass signals on, and wait for orphans."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType

_FIRST = 1
_PASSED_ON = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


def leave_first_process() -> None:
    """If this process has number 1, go on in a child of it; call it before any thread starts.

    Every orphaned process becomes a child of process 1, and the kernel keeps its exit code until
    process 1 reads it. If the worker itself were process 1, it could read codes that its tasks wait
    for.
    """
    if os.getpid() == _FIRST:
        run_in_child()


def run_in_child() -> None:
    """Go on in a child; this process passes signals on to it, and ends with its exit code."""
    child: list[int] = []
    early: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        if not child:
            early.append(number)
        for pid in child:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    pid = os.fork()
    if pid == 0:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        return
    child.append(pid)
    for missed in early:
        pass_on(missed, None)
    os._exit(_await(pid))


def _await(child: int) -> int:
    """Wait for processes until the child ends; return its exit code as a shell would."""
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
