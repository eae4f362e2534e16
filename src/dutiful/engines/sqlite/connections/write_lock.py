"""The write lock: one writer at a time among all processes of a host, in order of arrival."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from importlib import import_module
from time import monotonic, sleep
from types import ModuleType
from typing import Literal

from dutiful.core.errors import EngineUnavailable

from .connection import LOCK_WAIT_SECONDS
from .run_folder import RunFolder

fcntl: ModuleType | None
try:
    fcntl = import_module("fcntl")
except ImportError:  # Windows: only SQLite's own busy handler
    fcntl = None

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)

_AT_ONCE: int = getattr(fcntl, "LOCK_NB", 0)
_ENTRIES = 500
_POLL_SECONDS = 0.005

Wait = Literal["not", "a minute", "without limit"]
Names = tuple[str, str]
WRITERS: Names = ("gate.lock", "writer.lock")
TASKS: Names = ("task-gate.lock", "task.lock")
"""A separate lock for tasks: only one of them at a time waits for the writers' lock."""


class FairFileLock:
    """A fair lock made of two lock files, taken before ``BEGIN IMMEDIATE``.

    SQLite's busy handler polls, so a writer may starve. With a single lock file the writer that has
    just released it could take it again before the others. So the next writer takes the entry lock,
    and holds it until it gets the inner lock. The two locks only decide the order: SQLite's own
    lock, which foreign connections respect as well, still protects the file.
    """

    def __init__(
        self, folder: RunFolder, seconds: float = LOCK_WAIT_SECONDS, *, names: Names = WRITERS
    ) -> None:
        """Open nothing yet; ``names`` are the files of the entry lock and of the inner lock."""
        self._folder = folder
        self._names = names
        self._seconds = seconds
        self._kept: tuple[int, int] | None = None
        self._held: int | None = None
        self._waiting: tuple[int, ...] = ()
        self._entries = 0

    def enter(self, wait: Wait = "a minute") -> bool:
        """Take the lock and return True; False if it is not free and ``wait`` is "not".

        Raises EngineUnavailable after a minute, except when ``wait`` is "without limit".
        """
        if fcntl is None or (files := self._files()) is None:
            return True
        try:
            if self._at_once(*files):
                self._held = files[1]
                return True
            if wait == "not":
                return False
            if (fresh := self._open()) is None:
                return True
            self._held = self._wait(*fresh, without_limit=wait == "without limit")
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return True
            raise EngineUnavailable(f"{self._folder.path} cannot hold locks: {error}") from error
        return True

    def leave(self) -> None:
        """Release the lock; harmless when it is not held."""
        held, self._held = self._held, None
        if held is not None:
            _unlock(held)  # closing is not enough: a child forked meanwhile has the file open, too
            if self._kept is None or held != self._kept[1]:
                os.close(held)

    def close(self) -> None:
        """Close the files; the next `enter` opens them again."""
        self.leave()
        kept, self._kept = self._kept, None
        for file in kept or ():
            os.close(file)

    def forsake(self) -> None:
        """Close, in the child of a fork, the files on which the parent waits or holds the lock.

        Only the parent may unlock them. If it died, open copies here would keep them locked.
        """
        held = () if self._held is None else (self._held,)
        for file in {*held, *self._waiting, *(self._kept or ())}:
            with suppress(OSError):
                os.close(file)
        self._held, self._waiting, self._kept = None, (), None

    def _files(self) -> tuple[int, int] | None:
        """Return the open lock files; they are opened again at intervals, in case of deletion."""
        self._entries += 1
        if self._kept is None or self._entries % _ENTRIES == 0:
            self.close()
            self._kept = self._open()
        return self._kept

    def _open(self) -> tuple[int, int] | None:
        entry_lock = self._folder.lock_file(self._names[0])
        if entry_lock is None:
            return None
        inner = self._folder.lock_file(self._names[1])
        if inner is None:
            os.close(entry_lock)
            return None
        return entry_lock, inner

    def _at_once(self, entry_lock: int, inner: int) -> bool:
        try:
            _flock(entry_lock, _AT_ONCE)
        except BlockingIOError:
            return False
        try:
            _flock(inner, _AT_ONCE)
        except BlockingIOError:
            return False
        finally:
            _unlock(entry_lock)
        return True

    def _wait(self, entry_lock: int, inner: int, *, without_limit: bool) -> int:
        """Wait for the lock on newly opened files, so that giving up leaves nothing locked."""
        try:
            if without_limit:
                self._waiting = entry_lock, inner
                _flock(entry_lock)
                _flock(inner)
            else:
                self._queue_up(entry_lock, inner)
        except OSError:
            os.close(inner)
            raise
        finally:
            self._waiting = ()
            os.close(entry_lock)
        return inner

    def _queue_up(self, entry_lock: int, inner: int) -> None:
        """Wait in the kernel's queue; in a thread, since flock has no timeout."""
        inside, guard = threading.Event(), threading.Lock()
        entry_lock_given, entry_lock = (
            entry_lock,
            os.dup(entry_lock),
        )  # copies of the descriptors share the lock; the thread closes the copies
        gave_up = False

        def wait() -> None:
            _flock(entry_lock)
            _flock(inner)
            _unlock(entry_lock)
            os.close(entry_lock)
            with guard:
                if gave_up:
                    os.close(inner)
                else:
                    inside.set()

        try:
            threading.Thread(target=wait, name="dutiful-sqlite-lock", daemon=True).start()
        except RuntimeError:  # the interpreter is ending, or there are too many threads
            os.close(entry_lock)
            return self._poll(entry_lock_given, inner)
        try:
            in_time = inside.wait(self._seconds)
        except BaseException:  # an interrupt must not leave the files locked
            with guard:
                gave_up = True
                if inside.is_set():
                    os.close(inner)
            raise
        with guard:
            gave_up = not (in_time or inside.is_set())
        if gave_up:
            raise self._timed_out()

    def _poll(self, entry_lock: int, inner: int) -> None:
        """Wait by trying repeatedly, when no thread can be started to wait."""
        end = monotonic() + self._seconds
        while not self._at_once(entry_lock, inner):
            if monotonic() > end:
                raise self._timed_out()
            sleep(_POLL_SECONDS)

    def _timed_out(self) -> EngineUnavailable:
        return EngineUnavailable(
            f"another process has been writing to the store for {self._seconds:.0f} s; "
            "look for a stopped process or a long transaction, then try again"
        )


def _flock(file: int, flags: int = 0) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | flags)


def _unlock(file: int) -> None:
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)
