"""Ways of sleeping until another process's commit, and of telling the listeners; measured by
wakeup.py."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from common import connect

IN_MODIFY = 0x2
Wake = Callable[[], None]


def empty(fd: int) -> None:
    """Read what is there; what is left over wakes us again."""
    os.read(fd, 65536)


def watch(loop: asyncio.AbstractEventLoop, fd: int, wake: Wake) -> None:
    """Call `wake` whenever the descriptor becomes readable."""

    def ready() -> None:
        wake()
        empty(fd)

    loop.add_reader(fd, ready)


def sleep_fifo(loop: asyncio.AbstractEventLoop, base: Path, number: int, wake: Wake) -> None:
    """Made under a hidden name and renamed once open, so that no producer takes it for stale."""
    hidden, shown = base / "doors" / f".{number}", base / "doors" / f"{number}"
    os.mkfifo(hidden, 0o600)
    watch(loop, os.open(hidden, os.O_RDWR | os.O_NONBLOCK), wake)
    hidden.rename(shown)


def sleep_socket(loop: asyncio.AbstractEventLoop, base: Path, number: int, wake: Wake) -> None:
    """A datagram socket bound to a name in the folder."""
    write_lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    write_lock.bind(str(base / "doors" / f"{number}"))
    watch(loop, write_lock.detach(), wake)


def sleep_inotify(loop: asyncio.AbstractEventLoop, path: Path, wake: Wake) -> None:
    """Watch one file for writes."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if fd < 0 or libc.inotify_add_watch(fd, os.fsencode(path), IN_MODIFY) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    watch(loop, fd, wake)


def sleep_polling(loop: asyncio.AbstractEventLoop, base: Path, pause: float, wake: Wake) -> None:
    """Ask for PRAGMA data_version every so often."""
    conn = connect(base / "jobs.db")
    seen = conn.execute("PRAGMA data_version").fetchone()

    def look() -> None:
        nonlocal seen
        now = conn.execute("PRAGMA data_version").fetchone()
        if now != seen:
            seen = now
            wake()
        loop.call_later(pause, look)

    look()


def notifier(way: str, base: Path) -> Wake:
    """What the producer does after its commit."""
    write_locks = base / "doors"
    if way.startswith("fifo"):
        limit = 1 if way == "fifo one" else sys.maxsize

        def fifo() -> None:
            woke = 0
            for entry in os.scandir(write_locks):
                if entry.name[0] != "." and woke < limit:
                    write_lock = os.open(entry.path, os.O_WRONLY | os.O_NONBLOCK)
                    with suppress(BlockingIOError):  # full: woken already
                        os.write(write_lock, b"1")
                    os.close(write_lock)
                    woke += 1

        return fifo
    if way == "socket":
        sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

        def datagram() -> None:
            for entry in os.scandir(write_locks):
                with suppress(BlockingIOError):
                    sender.sendto(b"1", entry.path)

        return datagram
    if way == "inotify side":
        side = os.open(base / "jobs.db.wake", os.O_WRONLY | os.O_CREAT, 0o600)

        def touch() -> None:
            os.pwrite(side, b"1", 0)

        return touch
    return lambda: None
