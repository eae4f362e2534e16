"""Finds the process or thread that holds the write lock, while a write waits for it.

SQLite reports only that the file is locked. If the waiting thread itself holds the lock, by a
transaction on another connection, the wait would last until it times out.
"""

from __future__ import annotations

import gc
import os
import sqlite3
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from .connection import StoreConnection

_LOG_WRITER = 120
"""The byte of the ``-shm`` file that a writer locks."""
_RESERVED = 0x40000001
"""The byte of the file itself that a writer locks where there is no write-ahead log yet."""


def lock_holder(file: Path) -> int | None:
    """Return the process that holds the write lock, if the system shows it."""
    for name, byte in ((f"{file}-shm", _LOG_WRITER), (os.fspath(file), _RESERVED)):
        with suppress(OSError, ValueError, IndexError):
            inode = str(os.stat(name).st_ino)
            for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
                _, kind, _, access, pid, where, start, end = line.split()[:8]
                if kind != "POSIX" or access != "WRITE" or where.rpartition(":")[2] != inode:
                    continue
                if int(start) <= byte and (end == "EOF" or byte <= int(end)):
                    return int(pid)
    return None


def waits_for_itself(file: Path) -> bool:
    """Whether this thread waits for a transaction that it has open itself."""
    if lock_holder(file) not in (None, os.getpid()):
        return False
    return any(_is_ours(one) and _is_on(one, file) for one in _open_transactions())


def _open_transactions() -> list[sqlite3.Connection]:
    found: list[sqlite3.Connection] = []
    objects: list[Any] = gc.get_objects()
    for each in objects:
        # By type, not by isinstance, which would make lazy proxies create their objects.
        if _is_of_the_program(each):
            with suppress(sqlite3.Error):
                if each.in_transaction:
                    found.append(each)
    return found


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Whether a connection is used only by this thread."""
    if not _usable(connection):
        return False
    if _django_has(connection) or not _other_threads():
        return True
    answers: list[bool] = []
    probe = threading.Thread(
        target=lambda: answers.append(_usable(connection)), name="dutiful-sqlite-probe"
    )
    try:
        probe.start()
    except RuntimeError:
        return False
    probe.join()
    return answers == [False]


def _usable(connection: sqlite3.Connection) -> bool:
    """Whether this thread may use a connection: most are bound to the thread that opened them."""
    try:
        connection.cursor().close()
    except (sqlite3.Error, TypeError):
        return False
    return True


def _django_has(connection: sqlite3.Connection) -> bool:
    """Whether Django keeps the connection for this thread."""
    django = sys.modules.get("django.db")
    if django is None:
        return False
    with suppress(Exception):  # Django may not be set up completely
        kept = cast(Any, django).connections.all(initialized_only=True)
        return any(one.connection is connection for one in kept)
    return False


def _other_threads() -> bool:
    """Whether the program has other threads besides this one."""
    mine = threading.current_thread()
    return any(
        thread is not mine and not thread.name.startswith("dutiful-")
        for thread in threading.enumerate()
    )


def _is_on(connection: sqlite3.Connection, file: Path) -> bool:
    with suppress(sqlite3.Error, OSError):
        cursor = connection.cursor()
        cursor.row_factory = None
        for _, _, path in cursor.execute("PRAGMA database_list").fetchall():
            if path and os.path.samefile(path, file):
                return True
    return False


def _is_of_the_program(each: object) -> bool:
    kind = type(each)
    return issubclass(kind, sqlite3.Connection) and not issubclass(kind, StoreConnection)
