"""Lends the connections of one process; opens them when needed, and closes idle ones."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Generic, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.core.errors import EngineUnavailable

from .connection import usable
from .errors import NoRoom

C = TypeVar("C", bound="psycopg.Connection[Any]")

IDLE_SECONDS = 10.0
"""Seconds that a connection may be idle before it is closed."""
_BUSY_SECONDS = 30.0
"""Seconds that a caller waits for a connection while all are in use."""


class Lender(Generic[C]):
    """Up to ``size`` connections, each used by one thread at a time."""

    def __init__(self, opener: Callable[[], C], size: int) -> None:
        """Open nothing yet."""
        self._opener = opener
        self._size = size
        self._build()

    def _build(self) -> None:
        size = self._size
        self._idle: deque[tuple[C, float]] = deque()
        """Idle connections, each with the time since which it is idle; the newest is lent first."""
        self._permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self._permits.put(None)
        self._threads: ThreadPoolExecutor | None = None
        self._guard = threading.RLock()  # re-entrant: a signal handler may interrupt its holder
        self._returned = threading.Condition(self._guard)
        self._lent: dict[C, int] = {}
        """The era in which each connection was lent; `close` begins another era."""
        self._short = 0
        """How many callers wait because the limit is reached."""
        self._era = 0
        self._trimmer: threading.Event | None = None
        """Stops the thread that closes idle connections; it exists only while there are any."""

    @contextmanager
    def connection(self) -> Generator[C]:
        """Lend a connection; if it breaks during the block, it is closed."""
        connection = self.take()
        try:
            yield connection
        finally:
            self.give_back(connection)

    def take(self) -> C:
        """Take a connection; the caller must call `give_back`. Faster than `connection`."""
        era = self._era
        try:
            self._permits.get(timeout=_BUSY_SECONDS)
        except Empty:
            raise EngineUnavailable(
                f"all {self._size} connections of this process have been busy for "
                f"{_BUSY_SECONDS:g} s; raise connections= in the URL, or enqueue in larger batches"
            ) from None
        try:
            connection = self._usable()
        except BaseException:
            self._permits.put(None)
            raise
        with self._guard:
            self._lent[connection] = era
        return connection

    def give_back(self, connection: C) -> None:
        """Take a connection back; one that is broken, or was lent before `close`, is closed."""
        try:
            fit = connection.pgconn.transaction_status == TransactionStatus.IDLE
            with self._guard:
                era = self._lent.pop(connection)
                if self._short:
                    self._returned.notify()
                if fit and era == self._era:
                    self._idle.append((connection, monotonic()))
                    if self._trimmer is None:
                        self._trim_later()
                    return
            _close(connection)
        finally:
            self._permits.put(None)

    def _trim_later(self) -> None:
        """Start the thread that closes idle connections; the caller holds the guard."""
        stop = threading.Event()
        thread = threading.Thread(
            target=self._trim, args=(stop,), name="dutiful-pg-trimmer", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, which closes the connections
            return
        self._trimmer = stop

    def _trim(self, stop: threading.Event) -> None:
        """Close connections that have been idle for a while, until none is left."""
        pause = IDLE_SECONDS
        while not stop.wait(pause):
            gone: list[C] = []
            with self._guard:
                if stop.is_set():
                    return
                now = monotonic()
                while self._idle and now - self._idle[0][1] >= IDLE_SECONDS:
                    gone.append(self._idle.popleft()[0])
                if self._idle:
                    pause = self._idle[0][1] + IDLE_SECONDS - now
                else:
                    self._trimmer = None
                    stop.set()
            for connection in gone:
                _close(connection)

    def close(self) -> None:
        """Close idle connections, and those in use as soon as they are given back."""
        with self._guard:
            self._era += 1
            threads, self._threads = self._threads, None
            if self._trimmer is not None:
                self._trimmer.set()
                self._trimmer = None
            idle, self._idle = self._idle, deque()
        for connection, _ in idle:
            _close(connection)
        if threads is not None:
            threads.shutdown(wait=False)

    def forsake(self) -> None:
        """Start again in the child of a fork: the sockets belong to the parent."""
        for connection, _ in self._idle:
            # Close only our copy of the descriptor; the parent's session must not be affected.
            os.close(connection.pgconn.socket)
        _abandoned.extend(connection for connection, _ in self._idle)
        self._build()

    def _executor(self) -> ThreadPoolExecutor:
        with self._guard:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="dutiful-pg")
            return self._threads

    def _usable(self) -> C:
        with suppress(IndexError):
            while True:
                connection, _ = self._idle.pop()
                if usable(connection):
                    return connection
                _close(connection)
        try:
            return self._opener()
        except NoRoom:
            # The open connections have to be enough.
            if (other := self._await_other()) is None:
                raise
            return other

    def _await_other(self) -> C | None:
        """Wait for a connection that another thread gives back; None when none is lent."""
        ended = monotonic() + _BUSY_SECONDS
        with self._guard:
            self._short += 1
            try:
                while not self._idle:
                    left = ended - monotonic()
                    if not self._lent or left <= 0:
                        return None
                    self._returned.wait(left)
                return self._idle.pop()[0]
            finally:
                self._short -= 1


_abandoned: list[psycopg.Connection[Any]] = []
"""Connections inherited by a fork; kept, since their destructor would end the parent's session."""


def _close(connection: psycopg.Connection[Any]) -> None:
    """Close a connection, also one of the class whose ``close`` tasks may not call."""
    psycopg.Connection.close(connection)
