"""The connections of one process: opened when needed, kept, and dropped when they break."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.contract.statement import Plan, run
from dutiful.core.errors import EngineUnavailable

from .address import Address
from .connection import ANSWER_SECONDS, PINS, Connection, connect, executor, usable
from .faults import Contended, told, translated
from .statements import trusted

T = TypeVar("T")
C = TypeVar("C", bound="psycopg.Connection[Any]")

_BUSY_SECONDS = 30.0
"""How long a caller waits for a connection that others use."""
_TRIES = 4


class Lender(Generic[C]):
    """Up to ``size`` connections, each used by one thread at a time."""

    def __init__(self, opener: Callable[[], C], size: int) -> None:
        """Open nothing yet."""
        self._opener = opener
        self._size = size
        self._build()

    def _build(self) -> None:
        size = self._size
        self._idle: deque[C] = deque()
        self._permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self._permits.put(None)
        self._threads: ThreadPoolExecutor | None = None
        self._guard = threading.Lock()
        self._era = 0

    @contextmanager
    def connection(self) -> Generator[C]:
        """Lend a connection; one that broke meanwhile is not taken back."""
        era = self._era
        connection = self.borrow()
        try:
            yield connection
        finally:
            self.give_back(connection, era)

    def borrow(self) -> C:
        """Take a connection out, for the hot path; `give_back` must follow."""
        try:
            self._permits.get(timeout=_BUSY_SECONDS)
        except Empty:
            raise EngineUnavailable(
                f"all {self._size} connections of this process have been busy for "
                f"{_BUSY_SECONDS:g} s; raise connections= in the URL, or enqueue in larger batches"
            ) from None
        try:
            return self._take()
        except BaseException:
            self._permits.put(None)
            raise

    def give_back(self, connection: C, era: int) -> None:
        """Take back what was lent in an era; a connection that broke meanwhile is closed."""
        try:
            fit = connection.pgconn.transaction_status == TransactionStatus.IDLE
            with self._guard:
                if fit and era == self._era:
                    self._idle.append(connection)
                    return
            _close(connection)
        finally:
            self._permits.put(None)

    def close(self) -> None:
        """Close what is idle, and what is in use as soon as it comes back."""
        with self._guard:
            self._era += 1
            threads, self._threads = self._threads, None
            idle, self._idle = self._idle, deque()
        for connection in idle:
            _close(connection)
        if threads is not None:
            threads.shutdown(wait=False)

    def forsake(self) -> None:
        """Start anew in the child of a fork: the sockets are the parent's to speak through."""
        for connection in self._idle:
            # Only our copy of the descriptor goes; the parent's session must hear nothing of it.
            os.close(connection.pgconn.socket)
        _abandoned.extend(self._idle)
        self._build()

    def _executor(self) -> ThreadPoolExecutor:
        with self._guard:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="dutiful-pg")
            return self._threads

    def _take(self) -> C:
        with suppress(IndexError):
            while True:
                connection = self._idle.pop()
                if usable(connection):
                    return connection
                _close(connection)
        return self._opener()


_abandoned: list[psycopg.Connection[Any]] = []
"""Connections inherited through a fork; kept so that nothing says goodbye in the parent's name."""


class Pool(Lender[Connection]):
    """Connections of the engine's own, and the plans that run on them."""

    def __init__(
        self,
        address: Address,
        size: int,
        *,
        patience: float = ANSWER_SECONDS,
        pinned: bool = False,
    ) -> None:
        """Open nothing yet; ``patience`` is the seconds that the server may take to answer.

        ``pinned`` ones serve hot statements, whose plans must not depend on statistics.
        """
        opener = partial(connect, address, patience=patience, pinned=pinned)
        super().__init__(opener, size)
        local = pinned and address.pooler  # behind a pooler a setting lasts for a transaction
        self._begin = f"BEGIN; {PINS.replace('SET', 'SET LOCAL')}" if local else "BEGIN"

    def run(self, plan: Callable[[], Plan[T]], *, doing: str = "using the store") -> T:
        """Run a plan in a transaction, again if another transaction stood in its way."""
        for _ in range(_TRIES - 1):
            try:
                return self._transaction(plan, doing)
            except Contended:
                time.sleep(0.01)
        return self._transaction(plan, doing)

    def once(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Run a plan whose every statement is a transaction of its own."""
        era = self._era
        connection = self.borrow()
        try:
            return run(plan(), executor(connection, commits=writes))
        finally:
            self.give_back(connection, era)

    async def arun(self, plan: Callable[[], Plan[T]]) -> T:
        """Do what `run` does in a thread of the pool's."""
        return await self.aside(lambda: self.run(plan))

    async def aonce(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Do what `once` does in a thread of the pool's."""
        return await self.aside(lambda: self.once(plan, writes=writes))

    async def aside(self, call: Callable[[], T]) -> T:
        """Run a blocking call in a thread of the pool's."""
        return await asyncio.get_running_loop().run_in_executor(self._executor(), call)

    def _transaction(self, plan: Callable[[], Plan[T]], doing: str) -> T:
        with self.connection() as connection:
            try:
                with translated(doing):
                    connection.execute(trusted(self._begin), prepare=False)
                result = run(plan(), executor(connection))
            except BaseException:
                _undo(connection)
                raise
            try:
                connection.execute("COMMIT")
            except (psycopg.Error, OSError) as error:
                _undo(connection)
                raise told(error, doing, committing=True) from error
            return result


def _close(connection: psycopg.Connection[Any]) -> None:
    """Close, also what is lent to tasks, who must not close it themselves."""
    psycopg.Connection.close(connection)


def _undo(connection: Connection) -> None:
    """Roll back; a connection on which that fails is closed."""
    try:
        if not connection.closed:
            connection.execute("ROLLBACK")
    except (psycopg.Error, OSError):
        connection.close()
