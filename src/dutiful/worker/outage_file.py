"""A file by which the processes of a host agree who sends an alert about their store."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from time import time
from types import ModuleType

fcntl: ModuleType | None
try:
    fcntl = import_module("fcntl")
except ImportError:  # Windows: each process sends a message
    fcntl = None

_FOLDERS = ("/dev/shm",)  # noqa: S108 - the file is opened safely; this has room on a full disk
_FLAGS = (
    os.O_RDWR
    | os.O_CREAT
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
)
_MOST = 1_000_000
_FRESH = 600.0
"""Seconds after which what an ended process has kept no longer counts: of an outage long ago."""


class OutageFile:
    """The file of one store and one user, locked by the process that sends.

    Where no such file can be used, as it belongs to another user, every process sends.
    """

    def __init__(self, store: str) -> None:
        """Open nothing yet; ``store`` is the address of the store."""
        place = os.getcwd() if store.startswith("sqlite:") else ""
        named = hashlib.sha256(f"{place}\n{store}".encode("utf-8", "replace")).hexdigest()[:16]
        user = os.getuid() if hasattr(os, "getuid") else 0
        self._name = f"dutiful-outage-{user}-{named}"
        self._file: int | None = None

    def take(self) -> bytes | None:
        """Lock the file and return what it holds; None while another process has locked it."""
        if self._file is not None:
            return b""
        if fcntl is None or (file := self._open()) is None:
            return b""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(file)
            kept = os.read(file, _MOST) if time() - found.st_mtime < _FRESH else b""
        except BlockingIOError:
            os.close(file)
            return None
        except OSError:
            os.close(file)
            return b""
        self._file = file
        return kept

    def keep(self, said: bytes) -> None:
        """Write it; where there is no room, a process that follows sends another message."""
        if self._file is None:
            return
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, said, 0)

    def release(self) -> None:
        """Close the file, which unlocks it; it stays, since others may have it open."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _open(self) -> int | None:
        for folder in (*_FOLDERS, tempfile.gettempdir()):
            with suppress(OSError):
                file = os.open(Path(folder) / self._name, _FLAGS, 0o600)
                found = os.fstat(file)
                if stat.S_ISREG(found.st_mode) and found.st_uid == os.getuid():
                    return file
                os.close(file)
        return None
