"""One writer at a time among all processes of a host, in the order of their coming."""

from __future__ import annotations

import errno
import os
import threading
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Literal

from dutiful.core.errors import EngineUnavailable

from .connection import PATIENCE_SECONDS

fcntl: ModuleType | None
try:
    fcntl = import_module("fcntl")
except ImportError:  # Windows: SQLite's own busy handler has to do
    fcntl = None

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)

Wait = Literal["not", "a minute", "for ever"]


class Door:
    """A turnstile of two lock files to pass before ``BEGIN IMMEDIATE``.

    SQLite's busy handler polls, and the unlucky starve; with one lock whoever has just left pushes
    in again. So one waits at the gate, and holds it until the inner lock is free. The two only
    order: SQLite's own lock, which foreign connections obey too, still guards the file.
    """

    def __init__(self, folder: Path, seconds: float = PATIENCE_SECONDS) -> None:
        """Open nothing yet."""
        self._folder = folder
        self._seconds = seconds
        self._held: int | None = None

    def enter(self, wait: Wait = "a minute") -> bool:
        """Return True when it is our turn, False when it is not and we do not wait for it.

        After a minute EngineUnavailable, except where the wait may last for ever.
        """
        if fcntl is None or (gate := self._open("gate.lock")) is None:
            return True
        if (inner := self._open("writer.lock")) is None:
            os.close(gate)
            return True
        try:
            try:
                _flock(gate, fcntl.LOCK_NB)
                _flock(inner, fcntl.LOCK_NB)
            except BlockingIOError:
                if wait == "not":
                    os.close(inner)
                    return False
                if wait == "a minute":
                    self._queue_up(gate, inner)
                else:
                    _flock(gate)
                    _flock(inner)
        except OSError as error:
            os.close(inner)
            if error.errno in _NO_LOCKS:
                return True
            raise EngineUnavailable(f"{self._folder} cannot hold locks: {error}") from error
        finally:
            os.close(gate)
        self._held = inner
        return True

    def leave(self) -> None:
        """Let the next one in; harmless when we are not inside."""
        held, self._held = self._held, None
        if held is not None:
            _unlock(held)  # a child forked meanwhile has the file open too
            os.close(held)

    def _open(self, name: str) -> int | None:
        try:
            # For reading, which is all that flock needs: the file may belong to another user.
            return os.open(self._folder / name, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError:
            return None

    def _queue_up(self, gate: int, inner: int) -> None:
        """Wait in the kernel's queue; in a thread, since flock knows no timeout."""
        inside, guard = threading.Event(), threading.Lock()
        gate = os.dup(gate)  # the same lock, and the thread's own to close
        gave_up = False

        def wait() -> None:
            _flock(gate)
            _flock(inner)
            _unlock(gate)
            os.close(gate)
            with guard:
                if gave_up:
                    os.close(inner)
                else:
                    inside.set()

        threading.Thread(target=wait, name="dutiful-sqlite-door", daemon=True).start()
        try:
            in_time = inside.wait(self._seconds)
        except BaseException:  # an interrupt must not leave the door locked behind us
            with guard:
                gave_up = True
                if inside.is_set():
                    os.close(inner)
            raise
        with guard:
            gave_up = not (in_time or inside.is_set())
        if gave_up:
            raise EngineUnavailable(
                f"another process has been writing to the store for {self._seconds:.0f} s; "
                "look for a stopped process or a long transaction, then try again"
            )


def _flock(file: int, flags: int = 0) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | flags)


def _unlock(file: int) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)
