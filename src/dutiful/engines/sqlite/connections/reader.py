"""Connections that only read, so that reads never wait for a writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from dutiful.contract.beside import beside
from dutiful.engines._sql.statement import Plan, run

from .connection import executor
from .database_file import DatabaseFile

T = TypeVar("T")


class Readers:
    """A pool of connections that grows with the number of concurrent readers."""

    def __init__(
        self, database_file: DatabaseFile, connect: Callable[[], sqlite3.Connection]
    ) -> None:
        """Open nothing yet."""
        self._database_file = database_file
        self._connect = connect
        self._change = threading.Condition()
        self._free: list[sqlite3.Connection] = []
        self._used = 0
        self._frozen = False
        self._threads: ThreadPoolExecutor | None = None
        self._era = 0

    def read(self, plan: Callable[[], Plan[T]], *, snapshot: bool = False) -> T:
        """Run a plan in this thread; with ``snapshot`` all its reads see one state of the store."""
        with self._taken() as connection:
            if not snapshot:
                return run(plan(), executor(connection, self._database_file.path))
            self._database_file.run(connection, "BEGIN")
            try:
                return run(plan(), executor(connection, self._database_file.path))
            finally:
                self._database_file.run(connection, "ROLLBACK")

    async def aread(self, plan: Callable[[], Plan[T]]) -> T:
        """Run a plan in another thread; all its reads see one state of the store."""
        with self._change:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(2, "dutiful-sqlite-reader")
            threads = self._threads
        return await beside(lambda: self.read(plan, snapshot=True), threads)

    def freeze(self) -> None:
        """Wait for running reads, prevent new ones, and close all connections."""
        with self._change:
            self._frozen = True
            self._change.wait_for(lambda: self._used == 0)
            self._close()

    def thaw(self) -> None:
        """Allow reads again after `freeze`."""
        with self._change:
            self._frozen = False
            self._change.notify_all()

    def close(self) -> None:
        """Close free connections, and those in use as soon as they are given back."""
        with self._change:
            self._close()
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)

    def _close(self) -> None:
        self._era += 1
        while self._free:
            self._free.pop().close()

    @contextmanager
    def _taken(self) -> Generator[sqlite3.Connection, None, None]:
        with self._change:
            self._change.wait_for(lambda: not self._frozen)
            self._used += 1
            era = self._era
            connection = self._free.pop() if self._free else None
        try:
            connection = connection or self._connect()
            yield connection
        finally:
            with self._change:
                self._used -= 1
                self._change.notify_all()
                if connection is not None and era == self._era:
                    self._free.append(connection)
                elif connection is not None:
                    connection.close()
