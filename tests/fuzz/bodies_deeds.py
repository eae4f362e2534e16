"""What a hostile body does to its process before it ends."""

from __future__ import annotations

import asyncio
import atexit
import builtins
import decimal
import gc
import io
import json
import locale
import logging
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

Deed = Callable[[Random], Any]
POOL = ThreadPoolExecutor(2)


def _fork(rng: Random) -> None:
    """Fork; the copy goes on to the end of the body, or ends in a way of its own."""
    how = rng.choice(["go on", "exit", "raise", "linger", "write"])
    if os.fork():
        return
    match how:
        case "exit":
            sys.exit(rng.choice([0, 3]))
        case "raise":
            raise ValueError("in the copy")
        case "linger":
            time.sleep(1)
            os._exit(0)
        case "write":
            for number in range(3, 40):
                try:
                    if os.readlink(f"/proc/self/fd/{number}").startswith("pipe:"):
                        os.write(number, b"from a copy")
                except OSError:
                    continue
        case _:
            return


def _thread(rng: Random) -> None:
    daemon = rng.random() < 0.5
    what: Callable[[], Any] = rng.choice([lambda: time.sleep(20), sys.exit, os.fork])
    threading.Thread(target=what, daemon=daemon, name="left by a body").start()


def _close_descriptors(rng: Random) -> None:
    for number in rng.sample([0, 1, 2], rng.randint(1, 3)):
        try:
            os.close(number)
        except OSError:
            continue
    for number in os.pipe():
        os.close(number)


def _own_pipes(rng: Random) -> None:
    one, other = os.pipe()
    os.set_inheritable(one, True)
    os.close(other)
    if rng.random() < 0.5:
        subprocess.Popen(["sleep", "1"], close_fds=False)


def _clocks(rng: Random) -> None:
    names = ["time", "time_ns", "monotonic", "monotonic_ns", "clock_gettime_ns", "sleep"]
    name = rng.choice(names)
    real: Any = getattr(time, name)
    fake: Callable[..., Any] = rng.choice(
        [lambda *_: 0, lambda *_: 1e18, lambda *_: None, lambda *_: 1 / 0, lambda *_: -5]
    )
    setattr(time, name, fake)
    if rng.random() < 0.5:
        setattr(time, name, real)


def _folder(rng: Random) -> None:
    os.chdir(rng.choice(["/", tempfile.gettempdir()]))
    if rng.random() < 0.3:
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        os.rmdir(folder)


def _signals(rng: Random) -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    number = rng.choice([signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR2])
    action: Any = rng.choice([signal.SIG_IGN, signal.SIG_DFL, lambda *_: None])
    signal.signal(number, action)


def _streams(rng: Random) -> None:
    closed = io.StringIO()
    closed.close()
    name = rng.choice(["stdout", "stderr", "stdin"])
    if rng.random() < 0.2:
        getattr(sys, name).close()
        return
    setattr(sys, name, rng.choice([None, io.StringIO(), closed, object()]))


def _interpreter(rng: Random) -> None:
    deeds: list[Callable[[], Any]] = [
        lambda: sys.setrecursionlimit(rng.choice([300, 100_000])),
        gc.disable,
        lambda: gc.set_threshold(1),
        lambda: warnings.simplefilter("error"),
        lambda: sys.setswitchinterval(1e-6),
        lambda: socket.setdefaulttimeout(0.001),
        lambda: setattr(decimal.getcontext(), "prec", 1),
        lambda: locale.setlocale(locale.LC_ALL, "C"),
        lambda: logging.disable(logging.CRITICAL),
        lambda: logging.getLogger("dutiful").handlers.clear(),
        lambda: os.environ.update(TZ="Mars/Olympus", DUTIFUL_URL="nowhere://"),
        time.tzset,
        lambda: os.umask(0o077),
        lambda: setattr(sys, "excepthook", None),
        lambda: sys.path.clear(),
        lambda: random.seed(0),
    ]
    rng.choice(deeds)()


def _broken(*_args: Any, **_options: Any) -> Any:
    raise RuntimeError("replaced by a body")


def _hooks(rng: Random) -> None:
    """Replace what the interpreter calls where an error has nobody else."""
    hook: Any = rng.choice([None, _broken])
    match rng.choice(["threads", "excepthook", "unraisable", "atexit"]):
        case "threads":
            threading.excepthook = hook
        case "excepthook":
            sys.excepthook = hook
        case "unraisable":
            sys.unraisablehook = _broken
        case _:
            atexit.register(rng.choice([sys.exit, _broken]), 3)


def _libraries(rng: Random) -> None:
    """Replace functions that other code looks up when it calls them."""
    module, name = rng.choice(
        [
            *((builtins, "open"), (builtins, "print"), (json, "dumps"), (json, "loads")),
            *((uuid, "uuid4"), (random, "random"), (socket, "create_connection")),
            *((os, "urandom"), (os, "getcwd"), (os, "getpid"), (subprocess, "run")),
            *((signal, "signal"), (os, "umask"), (time, "tzset"), (gc, "enable")),
        ]
    )
    real: Any = getattr(module, name)
    setattr(module, name, _broken)
    if rng.random() < 0.5:
        setattr(module, name, real)


def _process(rng: Random) -> None:
    """Change what the system keeps of the process."""
    try:
        rng.choice(
            [
                lambda: os.setpgid(0, 0),
                lambda: os.nice(1),
                os.environ.clear,
                lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT]),
                lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
            ]
        )()
    except PermissionError:
        return


def _loop_in_a_thread(rng: Random) -> None:
    async def body() -> None:
        asyncio.get_running_loop().call_soon(lambda: None)
        raise rng.choice([SystemExit("inner"), ValueError("inner"), KeyboardInterrupt()])

    thread = threading.Thread(target=lambda: asyncio.run(body()))
    thread.start()
    thread.join()


def _pool(rng: Random) -> None:
    POOL.submit(time.sleep, rng.choice([0, 20]))


DEEDS: dict[str, Deed] = {
    "forks": _fork,
    "leaves a thread": _thread,
    "leaves a pool": _pool,
    "closes descriptors": _close_descriptors,
    "opens pipes": _own_pipes,
    "replaces a clock": _clocks,
    "changes the folder": _folder,
    "handles a signal": _signals,
    "replaces a stream": _streams,
    "changes the interpreter": _interpreter,
    "replaces hooks": _hooks,
    "replaces functions": _libraries,
    "changes the process": _process,
    "runs a loop in a thread": _loop_in_a_thread,
}


async def _leave(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def _exit() -> None:
    raise SystemExit("in a callback")


async def on_loop(rng: Random) -> None:
    """Do what only a coroutine can do, on the loop that others share."""
    how = rng.choice([*_MISTAKES, *_ATTACKS])
    await (_mistake(rng, how) if how in _MISTAKES else _attack(rng, how))


_MISTAKES = ("group", "task", "callback", "cancel", "scope", "nested", "block")
_ATTACKS = ("stop", "cancel all", "close", "handler", "factory", "executor", "current", "signals")


async def _mistake(rng: Random, how: str) -> None:
    """Do what a careless coroutine does."""
    loop, me = asyncio.get_running_loop(), asyncio.current_task()
    match how:
        case "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(_leave(rng.choice([SystemExit(3), KeyboardInterrupt()])))
                await asyncio.sleep(1)
        case "task":
            loop.create_task(_leave(rng.choice([SystemExit(3), ValueError("left")])))
            await asyncio.sleep(rng.choice([0, 0.05]))
        case "callback":
            loop.call_soon(_exit)
            loop.call_later(0.05, _exit)
        case "cancel" if me is not None:
            me.cancel()
            if rng.random() < 0.5:
                await asyncio.sleep(0)
        case "scope":
            async with asyncio.timeout(0):
                await asyncio.sleep(1)
        case "nested":
            loop.run_until_complete(asyncio.sleep(0))
        case _:
            time.sleep(0.1)  # noqa: ASYNC251 - the fault under test


async def _attack(rng: Random, how: str) -> None:
    """Take the loop for one's own."""
    loop = asyncio.get_running_loop()
    match how:
        case "stop":
            loop.stop()
            await asyncio.sleep(0)
        case "cancel all":
            for task in asyncio.all_tasks():
                task.cancel()
            await asyncio.sleep(0)
        case "close":
            loop.close()
        case "handler":
            loop.set_exception_handler(_broken)
            loop.set_debug(rng.random() < 0.5)
            left = loop.create_task(_leave(ValueError("left")))
            await asyncio.wait((left,))
        case "factory":
            loop.set_task_factory(None)
            await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))
        case "executor":
            await loop.shutdown_default_executor()
        case "current":
            asyncio.set_event_loop(rng.choice([None, asyncio.new_event_loop()]))
        case _:
            signal.set_wakeup_fd(-1)
            loop.remove_signal_handler(signal.SIGTERM)
