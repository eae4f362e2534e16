"""A transaction in which a task writes and its job is settled."""

from __future__ import annotations

from contextlib import ExitStack

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.core.errors import UsageError
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from dutiful.engines._sql.statement import Plan, Statement, arun, run

from .connections.async_pool import AsyncTaskConnection
from .connections.connection import ENDED, RESET, TaskConnection, aexecutor, begin_of, executor
from .connections.errors import translate_error
from .producer import ready
from .session import Session
from .settling import held, settle
from .statements import Texts

_GUARD = "dutiful_guard"
LAST_SECONDS = 5
"""A worker that freezes while it commits is cut off after so long: it holds the job's row."""

_LAST = (
    "SELECT pg_catalog.set_config('client_encoding', 'UTF8', true), "
    f"pg_catalog.set_config('idle_in_transaction_session_timeout', '{LAST_SECONDS}s', true)"
)
"""Undoes what the task may have set in its session."""


class PostgresTransaction:
    """One transaction on a connection of its own, from `begin` to `commit`."""

    def __init__(self, session: Session, claim: Claim) -> None:
        """Open nothing yet."""
        self._session = session
        self._claim = claim
        self._lent: ExitStack | None = None
        self._connection: TaskConnection | None = None

    def begin(self) -> TaskConnection:
        """Begin, and return the connection; waits while all connections for tasks are lent."""
        if self._connection is not None:
            raise UsageError("this transaction has begun already")
        lent = ExitStack()
        try:
            connection = lent.enter_context(self._session.ready().task_connections.connection())
            try:
                connection.execute(begin_of(connection))
                # Its absence tells at the end that somebody ended the transaction by hand.
                connection.execute(f"SAVEPOINT {_GUARD}")
            except (psycopg.Error, OSError) as error:
                raise translate_error(error, "beginning a transaction") from error
        except BaseException:
            lent.close()
            raise
        self._lent, self._connection = lent, connection
        return connection

    def commit(self, settlement: Settlement) -> bool:
        """Settle the job and commit, or undo everything when the claim is stale."""
        connection = self._connection
        if connection is None:
            raise UsageError("begin the transaction before committing it")
        session = self._session
        try:
            if connection.info.transaction_status is not TransactionStatus.INTRANS:
                raise UsageError(f"the task ended the transaction, or left it failed; {ENDED}")
            plan = finish(session.sql, settlement, session.now)
            if not run(plan, executor(connection)):
                return False
            try:
                connection.execute("COMMIT")
            except (psycopg.Error, OSError) as error:
                raise translate_error(
                    error, "committing the task's writes", committing=True
                ) from error
            return True
        finally:
            self.rollback()

    def rollback(self) -> None:
        """Undo what is open and give the connection back."""
        lent, self._lent = self._lent, None
        connection, self._connection = self._connection, None
        if lent is not None and connection is not None:
            try:
                connection.execute("ROLLBACK")
                connection.execute(RESET, prepare=False)
            except (psycopg.Error, OSError):
                psycopg.Connection.close(connection)
            finally:
                lent.close()


def finish(sql: Texts, settlement: Settlement, now: int | None) -> Plan[bool]:
    """Settle as the last part of a task's transaction; False when the claim is stale."""
    yield Statement(f"RELEASE {_GUARD}")
    yield Statement(_LAST)
    if not (yield from held(sql, settlement)):
        return False
    refused, back = yield from settle(sql, (settlement,), now)
    if back:
        yield Statement(sql("wake"), (list(back), sum(back.values())))
    return not refused


class PostgresAsyncTransaction:
    """The same on a connection that the task awaits."""

    def __init__(self, session: Session, claim: Claim) -> None:
        """Open nothing yet."""
        self._session = session
        self._connection: AsyncTaskConnection | None = None

    async def abegin(self) -> AsyncTaskConnection:
        """Begin, and return the connection."""
        session = await ready(self._session)
        connection = await session.async_task_connections.take()
        try:
            await connection.execute(begin_of(connection))
            await connection.execute(f"SAVEPOINT {_GUARD}")
        except (psycopg.Error, OSError) as error:
            await session.async_task_connections.give_back(connection)
            raise translate_error(error, "beginning a transaction") from error
        except BaseException:
            await session.async_task_connections.give_back(connection)
            raise
        self._connection = connection
        return connection

    async def acommit(self, settlement: Settlement) -> bool:
        """Settle the job and commit, or undo everything when the claim is stale."""
        connection = self._connection
        if connection is None:
            raise UsageError("begin the transaction before committing it")
        session = self._session
        try:
            if connection.info.transaction_status is not TransactionStatus.INTRANS:
                raise UsageError(f"the task ended the transaction, or left it failed; {ENDED}")
            plan = finish(session.sql, settlement, session.now)
            if not await arun(plan, aexecutor(connection)):
                return False
            try:
                await connection.execute("COMMIT")
            except (psycopg.Error, OSError) as error:
                raise translate_error(
                    error, "committing the task's writes", committing=True
                ) from error
            return True
        finally:
            await self.arollback()

    async def arollback(self) -> None:
        """Undo what is open and give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._session.async_task_connections.give_back(connection)


class PostgresTransactional:
    """The role `Transactional`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    def transaction(self, claim: Claim) -> PostgresTransaction:
        """Prepare a transaction on a connection of its own."""
        return PostgresTransaction(self.session, claim)

    def atransaction(self, claim: Claim) -> PostgresAsyncTransaction:
        """Prepare a transaction on an async connection of its own."""
        return PostgresAsyncTransaction(self.session, claim)
