"""Connections on which tasks write: the job ends their transactions, and undoes their settings."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, LiteralString, NoReturn

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.core.errors import UsageError

from .address import Address
from .async_lender import AsyncLender
from .connection import aconnect_as, connect_as
from .lender import Lender

ENDED = (
    "the transaction belongs to the job: it is committed when the task returns and rolled back "
    "when it raises; leave out commit(), rollback() and close(), use conn.transaction() for parts"
)
GUARD = "dutiful_guard"
"""A savepoint; when it is missing at the end, the task has ended the transaction itself."""

_RESET: LiteralString = (
    "CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; UNLISTEN *; "
    "SELECT pg_advisory_unlock_all(); DISCARD TEMP; DISCARD SEQUENCES"
)
"""Undoes a task's changes to its session, except for prepared statements: ``DISCARD ALL`` would
delete these, too, and the driver would not notice."""


class _EndedByJob:
    """Leaves the end of the transaction to the job."""

    def commit(self) -> NoReturn:
        """Refuse: the job's settlement has to be part of it."""
        raise UsageError(ENDED)

    def rollback(self) -> NoReturn:
        """Refuse: raise an error in the task instead."""
        raise UsageError(ENDED)

    def close(self) -> NoReturn:
        """Refuse: the job still needs it."""
        raise UsageError(ENDED)


class TaskConnection(_EndedByJob, psycopg.Connection[Any]):
    """A plain connection, whose transaction the job ends."""

    def __exit__(self, *error: object) -> None:
        """Leave a ``with`` block without committing."""


class AsyncTaskConnection(_EndedByJob, psycopg.AsyncConnection[Any]):
    """A plain async connection, whose transaction the job ends."""

    async def __aexit__(self, *error: object) -> None:
        """Leave an ``async with`` block without committing."""


def begin_of(connection: TaskConnection | AsyncTaskConnection) -> LiteralString:
    """Return the statements that begin a task's transaction.

    They do not use a stricter isolation level that is the default of the database or the role,
    because the task would fail with conflicts that it does not expect. A level that the URL or
    PGOPTIONS set is kept.
    """
    asked = "transaction_isolation" in connection.info.options
    begin: LiteralString = "BEGIN" if asked else "BEGIN ISOLATION LEVEL READ COMMITTED"
    return f"{begin}; SAVEPOINT {GUARD}"


def _reset_of(connection: TaskConnection | AsyncTaskConnection) -> LiteralString:
    """Return what undoes an open transaction and all that the task did to its session."""
    idle = connection.info.transaction_status is TransactionStatus.IDLE
    return _RESET if idle else f"ROLLBACK; {_RESET}"


class TaskConnections(Lender[TaskConnection]):
    """The connections on which tasks write in threads."""

    def __init__(self, address: Address) -> None:
        """Open nothing yet."""
        super().__init__(partial(connect_as, TaskConnection, address), address.connections)

    def give_back(self, connection: TaskConnection) -> None:
        """Take a connection back as it was lent; one that cannot be reset is closed."""
        try:
            connection.execute(_reset_of(connection), prepare=False)
        except (psycopg.Error, OSError):
            psycopg.Connection.close(connection)
        finally:
            super().give_back(connection)


class AsyncTaskConnections(AsyncLender[AsyncTaskConnection]):
    """The async connections on which tasks write."""

    def __init__(self, address: Address) -> None:
        """Open nothing yet."""
        super().__init__(partial(aconnect_as, AsyncTaskConnection, address), address.connections)

    async def _fit(self, connection: AsyncTaskConnection) -> bool:
        """Undo what the task did to its session."""
        try:
            async with asyncio.timeout(1.0):
                await connection.execute(_reset_of(connection), prepare=False)
        except (psycopg.Error, OSError, TimeoutError):
            return False
        return True
