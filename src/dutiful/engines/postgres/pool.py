"""The connections of one process: opened when needed, kept, and dropped when they break."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Any, Generic, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.contract.beside import beside
from dutiful.contract.statement import Plan, run
from dutiful.core.errors import EngineError, EngineUnavailable

from .address import Address
from .connection import ANSWER_SECONDS, LOCK_SECONDS, Connection, connect, executor, usable
from .contention import holders, locked_by, repeats
from .faults import Contended, Locked, NoRoom, StatementLost, told, translated
from .session_settings import begin, settings
from .statements import Texts, trusted

T = TypeVar("T")
C = TypeVar("C", bound="psycopg.Connection[Any]")

IDLE_SECONDS = 10.0
"""How long a connection may be idle before it is closed."""
_BUSY_SECONDS = 30.0
"""How long a caller waits for a connection that others use."""


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
        """What can be lent, and since when it has been idle; the last in is the first out."""
        self._permits: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self._permits.put(None)
        self._threads: ThreadPoolExecutor | None = None
        self._guard = threading.RLock()  # a signal handler may interrupt its holder
        self._returned = threading.Condition(self._guard)
        self._lent = self._short = 0
        """How many are lent, and how many callers wait because no more can be opened."""
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
            connection = self._take()
        except BaseException:
            self._permits.put(None)
            raise
        with self._guard:
            self._lent += 1
        return connection

    def give_back(self, connection: C, era: int) -> None:
        """Take back what was lent in an era; a connection that broke meanwhile is closed."""
        try:
            fit = connection.pgconn.transaction_status == TransactionStatus.IDLE
            with self._guard:
                self._lent -= 1
                if self._short:
                    self._returned.notify()
                if fit and era == self._era:
                    self._idle.append((connection, monotonic()))
                    return
            _close(connection)
        finally:
            self._permits.put(None)

    def trim(self) -> None:
        """Close connections that have been idle for a while."""
        long_ago = monotonic() - IDLE_SECONDS
        gone: list[C] = []
        with self._guard:
            while self._idle and self._idle[0][1] < long_ago:
                gone.append(self._idle.popleft()[0])
        for connection in gone:
            _close(connection)

    def close(self) -> None:
        """Close what is idle, and what is in use as soon as it comes back."""
        with self._guard:
            self._era += 1
            threads, self._threads = self._threads, None
            idle, self._idle = self._idle, deque()
        for connection, _ in idle:
            _close(connection)
        if threads is not None:
            threads.shutdown(wait=False)

    def forsake(self) -> None:
        """Start again in the child of a fork: the sockets belong to the parent."""
        for connection, _ in self._idle:
            # Only our copy of the descriptor goes; the parent's session must hear nothing of it.
            os.close(connection.pgconn.socket)
        _abandoned.extend(connection for connection, _ in self._idle)
        self._build()

    def _executor(self) -> ThreadPoolExecutor:
        with self._guard:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="dutiful-pg")
            return self._threads

    def _take(self) -> C:
        with suppress(IndexError):
            while True:
                connection, _ = self._idle.pop()
                if usable(connection):
                    return connection
                _close(connection)
        try:
            return self._opener()
        except NoRoom:
            # The connections that are open have to suffice.
            if (other := self._await_other()) is None:
                raise
            return other

    def _await_other(self) -> C | None:
        """Return a connection that another thread has given back; None when none is lent."""
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
"""Connections inherited through a fork; kept so that nothing says goodbye in the parent's name."""


class Pool(Lender[Connection]):
    """Connections of the engine's own, and the plans that run on them."""

    def __init__(
        self,
        address: Address,
        sql: Texts,
        size: int,
        *,
        patience: float = ANSWER_SECONDS,
        lock_seconds: float = LOCK_SECONDS,
        pinned: bool = False,
    ) -> None:
        """Open nothing yet; ``patience`` is the seconds that the server may take to answer.

        ``pinned`` ones serve hot statements, whose plans must not depend on statistics.
        """
        opener = partial(
            connect, address, patience=patience, lock_seconds=lock_seconds, pinned=pinned
        )
        super().__init__(opener, size)
        self._sql = sql
        self._alone = not address.pooler  # there, a setting of ours lasts for a transaction
        self._begin = "BEGIN" if self._alone else begin(settings(patience, lock_seconds, pinned))

    def run(self, plan: Callable[[], Plan[T]], *, doing: str = "using the store") -> T:
        """Run a plan in a transaction, again if another transaction stood in its way."""
        return self._repeated(lambda connection: self._transaction(connection, plan, doing))

    def once(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Run a plan whose every statement is a transaction of its own, and may be repeated."""
        if not self._alone:
            return self.run(plan)
        return self._repeated(lambda connection: run(plan(), executor(connection, commits=writes)))

    async def arun(self, plan: Callable[[], Plan[T]]) -> T:
        """Do what `run` does in a thread of the pool's."""
        return await self.aside(lambda: self.run(plan))

    async def aonce(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Do what `once` does in a thread of the pool's."""
        return await self.aside(lambda: self.once(plan, writes=writes))

    async def aside(self, call: Callable[[], T]) -> T:
        """Run a blocking call in a thread of the pool's."""
        return await beside(call, self._executor())

    def _repeated(self, work: Callable[[Connection], T]) -> T:
        """Do work on a connection, again for as long as `repeats` says."""
        tries = repeats()
        while True:
            era = self._era
            connection = self.borrow()
            try:
                return work(connection)
            except Contended as error:
                if isinstance(error, StatementLost):
                    connection.close()
                pause = next(tries, None)
                if pause is None:
                    raise
            except Locked as error:
                raise self._named(error, connection) from error
            finally:
                self.give_back(connection, era)
            sleep(pause)

    def _named(self, error: Locked, connection: Connection) -> Locked:
        """Name the sessions that hold locks now, as far as that can be seen."""
        try:
            found = run(holders(self._sql), executor(connection))
        except EngineError:
            return error
        return locked_by(error, found)

    def _transaction(self, connection: Connection, plan: Callable[[], Plan[T]], doing: str) -> T:
        try:
            with translated(doing):
                connection.execute(trusted(self._begin), prepare=False)
            result = run(plan(), executor(connection))
        except BaseException:
            undo(connection)
            raise
        try:
            connection.execute("COMMIT")
        except (psycopg.Error, OSError) as error:
            undo(connection)
            raise told(error, doing, committing=True) from error
        return result


def _close(connection: psycopg.Connection[Any]) -> None:
    """Close, also what is lent to tasks, who must not close it themselves."""
    psycopg.Connection.close(connection)


def undo(connection: Connection) -> None:
    """Roll back; a connection on which that fails is closed."""
    try:
        if not connection.closed:
            connection.execute("ROLLBACK")
    except (psycopg.Error, OSError):
        connection.close()
