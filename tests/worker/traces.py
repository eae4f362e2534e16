"""Tasks that change their process as a whole, and one that looks at it."""

from __future__ import annotations

import gc
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from types import FrameType
from typing import Any

from dutiful import App, Retry

app = App()
once = Retry(max_attempts=1)
TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


def handle(number: int, frame: FrameType | None) -> None:
    raise InterruptedError(number)


if "IN_CHILD" in os.environ:  # what a module sets stays
    os.environ["SET_AT_IMPORT"] = "yes"
    os.umask(0o027)
    signal.signal(signal.SIGUSR1, handle)
    signal.setitimer(signal.ITIMER_PROF, 3600)


@app.task(cpu=True, retry=once)
def look() -> dict[str, Any]:
    mask = os.umask(0)
    os.umask(mask)
    signals = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
    try:
        folder = os.getcwd()
    except OSError as error:
        folder = str(error)
    return {
        "pid": os.getpid(),
        "timers": [signal.getitimer(timer)[0] > 0 for timer in TIMERS],
        "handlers": [repr(signal.getsignal(one)) for one in signals],
        "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "folder": folder,
        "umask": mask,
        "variables": dict(os.environ),
        "hour": time.localtime(0).tm_hour,
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "timeout": socket.getdefaulttimeout(),
        "depth": sys.getrecursionlimit(),
        "interpreter": (sys.getswitchinterval(), gc.isenabled(), gc.get_threshold()),
        "false": subprocess.run(["false"], check=False).returncode,
    }


@app.task(cpu=True, retry=once)
def change(what: str) -> None:
    _change_signals(what)
    _change_others(what)


def _change_signals(what: str) -> None:
    match what:
        case "alarm":
            signal.alarm(1)
        case "timers":
            for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL):
                signal.setitimer(timer, 0.2)
        case "handlers":
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)
            signal.signal(signal.SIGALRM, handle)
            signal.signal(signal.SIGUSR1, signal.SIG_DFL)
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        case "mask":
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM})
            os.kill(os.getpid(), signal.SIGALRM)


def _change_others(what: str) -> None:
    match what:
        case "folder":
            os.chdir("/")
        case "removed folder":
            os.chdir(made := tempfile.mkdtemp())
            os.rmdir(made)
        case "umask":
            os.umask(0)
        case "variables":
            os.environ["CHANGED"] = os.environ["TZ"] = "EST5EDT"
            time.tzset()
            del os.environ["IN_CHILD"]
        case "limits":
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (60, hard))
        case "defaults":
            socket.setdefaulttimeout(3)
            sys.setrecursionlimit(500)
        case "interpreter":
            sys.setswitchinterval(1e-6)
            gc.disable()
            gc.set_threshold(1)


def _broken(*_: Any, **__: Any) -> Any:
    raise RuntimeError("replaced")


@app.task(cpu=True, retry=once)
def replace_functions() -> int:
    pid = os.getpid()
    for name in ("getcwd", "getpid", "umask", "chdir", "fstat", "set_inheritable"):
        setattr(os, name, _broken)
    signal.signal = signal.pthread_sigmask = signal.getsignal = _broken
    resource.getrlimit = gc.enable = gc.set_threshold = time.tzset = _broken
    return pid


@app.task(cpu=True, retry=once)
def parent() -> int:
    return os.getppid()


@app.task(cpu=True, retry=once)
def remove_the_folder() -> None:
    here = os.getcwd()
    os.chdir(tempfile.gettempdir())
    shutil.rmtree(here)


@app.task(cpu=True, retry=once)
def fail_and_change() -> None:
    os.environ["CHANGED"] = "yes"
    raise ValueError("failed")
