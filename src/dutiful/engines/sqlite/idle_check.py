"""Checks of the store that take only microseconds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence

from dutiful.contract.clock import Clock
from dutiful.contract.roles.consumer import Exchanged
from dutiful.engines._sql.statement import run

from .claiming import idle, work
from .connections.connection import Durability, connect, executor
from .connections.database_file import DatabaseFile


class IdleCheck:
    """A connection for checks that take microseconds; an event loop may use it directly."""

    def __init__(self, database_file: DatabaseFile, durability: Durability, clock: Clock) -> None:
        """Open nothing yet."""
        self._database_file = database_file
        self._durability: Durability = durability
        self._clock = clock
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._era = 0

    def version(self) -> tuple[int, object]:
        """Return a value that changes with every commit on another connection."""
        with self._guard:
            try:
                return self._era, self._opened().execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                return self._era, None  # the next exchange reports the error

    def idle(self, worker: str, queues: Sequence[str]) -> Exchanged | None:
        """Answer an exchange that has nothing to write, or None when there may be work."""
        with self._guard:
            execute = executor(self._opened(), self._database_file.path)
            return run(idle(worker, queues, self._clock.now()), execute)

    def work(self, queues: Sequence[str]) -> bool:
        """Whether there is something to claim or to stage."""
        with self._guard:
            execute = executor(self._opened(), self._database_file.path)
            return run(work(queues, self._clock.now()), execute)[0]

    def freeze(self) -> None:
        """Close the connection, and prevent that another one is opened."""
        self._guard.acquire()
        self._close()

    def thaw(self) -> None:
        """Allow checks again after `freeze`."""
        self._guard.release()

    def close(self) -> None:
        """Close the connection."""
        with self._guard:
            self._close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._database_file.path, self._durability, create=False)
        return self._connection

    def _close(self) -> None:
        self._era += 1
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
