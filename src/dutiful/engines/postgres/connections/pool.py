"""Runs plans in threads, on the connections of one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from queue import Empty, SimpleQueue
from time import sleep
from typing import TypeVar

import psycopg

from dutiful.contract.beside import beside
from dutiful.core.errors import EngineError, EngineUnavailable
from dutiful.engines._sql.statement import Plan, run
from dutiful.engines.postgres.statements import Texts, trusted

from .address import Address
from .connection import ANSWER_SECONDS, LOCK_SECONDS, Connection, connect, executor
from .contention import holders, locked_by, repeats
from .errors import Contended, Locked, StatementLost, translated
from .lender import Lender
from .session_settings import begin, settings

T = TypeVar("T")

_SPARED = 1
"""This many connections are kept from transactions, which may all wait for one foreign lock."""
_TURN_SECONDS = 30.0


class Pool(Lender[Connection]):
    """The engine's own connections; runs plans on them."""

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

        ``pinned`` connections are for frequent statements, whose query plans must not depend on
        statistics.
        """
        opener = partial(
            connect, address, patience=patience, lock_seconds=lock_seconds, pinned=pinned
        )
        super().__init__(opener, size)
        self._sql = sql
        self._alone = not address.pooler  # there, a setting of ours lasts for a transaction
        self._begin = "BEGIN" if self._alone else begin(settings(patience, lock_seconds, pinned))

    def _build(self) -> None:
        super()._build()
        self._turns: SimpleQueue[None] = SimpleQueue()  # re-entrant, for signal handlers
        for _ in range(max(1, self._size - _SPARED)):
            self._turns.put(None)
        self._loops: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}

    def run(self, plan: Callable[[], Plan[T]], *, doing: str = "using the store") -> T:
        """Run a plan in a transaction; repeat it after a conflict with another transaction.

        Such transactions never use all connections, as they may wait for other sessions' locks.
        """
        with self._turn():
            return self._run(plan, doing)

    def _run(self, plan: Callable[[], Plan[T]], doing: str = "using the store") -> T:
        return self._repeated(lambda connection: self._transaction(connection, plan, doing))

    @contextmanager
    def _turn(self) -> Generator[None]:
        turns = self._turns
        try:
            turns.get(timeout=_TURN_SECONDS)
        except Empty:
            raise EngineUnavailable(
                f"other transactions of this process have waited for {_TURN_SECONDS:g} s, as for a "
                "lock of another session; raise connections= in the URL, or see `dutiful check`"
            ) from None
        try:
            yield
        finally:
            turns.put(None)

    def once(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Run a plan whose every statement is a transaction of its own, and may be repeated."""
        if not self._alone:
            return self._run(plan)
        return self._repeated(lambda connection: run(plan(), executor(connection, commits=writes)))

    async def arun(self, plan: Callable[[], Plan[T]]) -> T:
        """Do what `run` does, in a thread of the pool."""
        loop = asyncio.get_running_loop()
        turns = self._loops.get(loop)
        if turns is None:
            self._loops = {one: kept for one, kept in self._loops.items() if not one.is_closed()}
            turns = self._loops[loop] = asyncio.Semaphore(max(1, self._size - _SPARED))
        async with turns:  # otherwise waiting calls would occupy the pool's threads
            return await self.aside(lambda: self.run(plan))

    async def aonce(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Do what `once` does, in a thread of the pool."""
        return await self.aside(lambda: self.once(plan, writes=writes))

    async def aside(self, call: Callable[[], T]) -> T:
        """Run a blocking call in a thread of the pool."""
        return await beside(call, self._executor())

    def _repeated(self, work: Callable[[Connection], T]) -> T:
        """Do work on a connection; after a conflict repeat it as `repeats` says."""
        tries = repeats()
        while True:
            connection = self.take()
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
                self.give_back(connection)
            sleep(pause)

    def _named(self, error: Locked, connection: Connection) -> Locked:
        """Name the sessions that hold locks now, as far as they are visible."""
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
            with translated(doing, committing=True):
                connection.execute("COMMIT")
        except BaseException:
            undo(connection)
            raise
        return result


def undo(connection: Connection) -> None:
    """Roll back; close the connection if that fails."""
    try:
        if not connection.closed:
            connection.execute("ROLLBACK")
    except (psycopg.Error, OSError):
        connection.close()
