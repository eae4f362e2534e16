"""A transaction in which a task writes and its job is settled."""

from __future__ import annotations

from psycopg.pq import TransactionStatus

from dutiful.core.errors import UsageError
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from dutiful.engines._sql.statement import Plan, Statement, arun, run

from .connections.connection import aexecutor, executor
from .connections.errors import translated
from .connections.task_connection import (
    ENDED,
    GUARD,
    AsyncTaskConnection,
    TaskConnection,
    begin_of,
)
from .producer import ready
from .session import Session
from .settling import held, settle

LAST_SECONDS = 5
"""A worker that freezes while it commits is cut off after so long: it holds the job's row."""

_LAST = (
    "SELECT pg_catalog.set_config('client_encoding', 'UTF8', true), "
    f"pg_catalog.set_config('idle_in_transaction_session_timeout', '{LAST_SECONDS}s', true)"
)
"""Undoes what the task may have set in its session."""
_BEGINNING = "beginning a transaction"
_COMMITTING = "committing the task's writes"
_BEGUN = "this transaction has begun already"
_NOT_BEGUN = "begin the transaction before committing it"


class PostgresTransaction:
    """One transaction on a connection of its own, from `begin` to `commit`."""

    def __init__(self, session: Session) -> None:
        """Open nothing yet."""
        self._session = session
        self._connection: TaskConnection | None = None

    def begin(self) -> TaskConnection:
        """Begin, and return the connection; waits while all connections for tasks are lent."""
        if self._connection is not None:
            raise UsageError(_BEGUN)
        connections = self._session.ready().task_connections
        connection = connections.take()
        try:
            with translated(_BEGINNING):
                connection.execute(begin_of(connection), prepare=False)
        except BaseException:
            connections.give_back(connection)
            raise
        self._connection = connection
        return connection

    def commit(self, settlement: Settlement) -> bool:
        """Settle the job and commit, or undo everything when the claim is stale."""
        connection = self._connection
        if connection is None:
            raise UsageError(_NOT_BEGUN)
        try:
            plan = finish(self._session, connection.info.transaction_status, settlement)
            if not run(plan, executor(connection)):
                return False
            with translated(_COMMITTING, committing=True):
                connection.execute("COMMIT")
            return True
        finally:
            self.rollback()

    def rollback(self) -> None:
        """Undo what is open and give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._session.task_connections.give_back(connection)


class PostgresAsyncTransaction:
    """The same on a connection that the task awaits."""

    def __init__(self, session: Session) -> None:
        """Open nothing yet."""
        self._session = session
        self._connection: AsyncTaskConnection | None = None

    async def abegin(self) -> AsyncTaskConnection:
        """Begin, and return the connection."""
        if self._connection is not None:
            raise UsageError(_BEGUN)
        connections = (await ready(self._session)).async_task_connections
        connection = await connections.take()
        try:
            with translated(_BEGINNING):
                await connection.execute(begin_of(connection), prepare=False)
        except BaseException:
            await connections.give_back(connection)
            raise
        self._connection = connection
        return connection

    async def acommit(self, settlement: Settlement) -> bool:
        """Settle the job and commit, or undo everything when the claim is stale."""
        connection = self._connection
        if connection is None:
            raise UsageError(_NOT_BEGUN)
        try:
            plan = finish(self._session, connection.info.transaction_status, settlement)
            if not await arun(plan, aexecutor(connection)):
                return False
            with translated(_COMMITTING, committing=True):
                await connection.execute("COMMIT")
            return True
        finally:
            await self.arollback()

    async def arollback(self) -> None:
        """Undo what is open and give the connection back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._session.async_task_connections.give_back(connection)


def finish(session: Session, status: TransactionStatus, settlement: Settlement) -> Plan[bool]:
    """Settle as the last part of a task's transaction; False when the claim is stale."""
    if status is not TransactionStatus.INTRANS:
        raise UsageError(f"the task ended the transaction, or left it failed; {ENDED}")
    sql = session.sql
    yield Statement(f"RELEASE {GUARD}")
    yield Statement(_LAST)
    if not (yield from held(sql, settlement)):
        return False
    refused, back = yield from settle(sql, (settlement,), session.now)
    if back:
        yield Statement(sql("wake"), (list(back), sum(back.values())))
    return not refused


class PostgresTransactional:
    """The role `Transactional`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    def transaction(self, claim: Claim) -> PostgresTransaction:
        """Prepare a transaction on a connection of its own."""
        return PostgresTransaction(self.session)

    def atransaction(self, claim: Claim) -> PostgresAsyncTransaction:
        """Prepare a transaction on an async connection of its own."""
        return PostgresAsyncTransaction(self.session)
