"""Psycopg's own connections, sync and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus
from psycopg.rows import tuple_row

from dutiful.core.errors import UsageError
from dutiful.engines._sql.caller_errors import ABORTED
from dutiful.engines._sql.statement import Answer, AsyncExecute, Execute, Plan, Statement, arun, run
from dutiful.engines.postgres.connections.adapters import AsyncCursor, Cursor
from dutiful.engines.postgres.statements import trusted

from .refusals import CLOSED, demand_transaction, in_its_encoding, translated

T = TypeVar("T")
_ADVICE = "write `with conn.transaction():` around it, or connect without autocommit"
_BUSY = "your connection is running another statement; wait for its end first"


def enqueue(connection: psycopg.Connection[Any], plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan inside the connection's transaction; an error undoes only this plan."""
    _demand_open(connection)
    if _pipelined(connection):
        with connection.pipeline() as pipeline:
            pipeline.sync()  # an earlier error is the caller's, and is raised unchanged
            return _enqueue(connection, plans, pipeline)
    return _enqueue(connection, plans, None)


async def aenqueue(connection: psycopg.AsyncConnection[Any], plans: Callable[[Any], Plan[T]]) -> T:
    """Do what `enqueue` does on an async connection."""
    _demand_open(connection)
    if _pipelined(connection):
        async with connection.pipeline() as pipeline:
            await pipeline.sync()
            return await _aenqueue(connection, plans, pipeline)
    return await _aenqueue(connection, plans, None)


def _enqueue(
    connection: psycopg.Connection[Any],
    plans: Callable[[Any], Plan[T]],
    pipeline: psycopg.Pipeline | None,
) -> T:
    _demand(connection)
    with translated(psycopg.Error):
        if _idle(connection):
            # Otherwise the block below would be the whole transaction, and its end would commit it.
            connection.execute("SELECT")
            if pipeline is not None:
                pipeline.sync()
        with connection.transaction():
            plan = in_its_encoding(connection, plans)
            return run(plan, executor(connection, pipeline))


async def _aenqueue(
    connection: psycopg.AsyncConnection[Any],
    plans: Callable[[Any], Plan[T]],
    pipeline: psycopg.AsyncPipeline | None,
) -> T:
    _demand(connection)
    with translated(psycopg.Error):
        if _idle(connection):
            await connection.execute("SELECT")
            if pipeline is not None:
                await pipeline.sync()
        async with connection.transaction():
            plan = in_its_encoding(connection, plans)
            return await arun(plan, aexecutor(connection, pipeline))


def executor(
    connection: psycopg.Connection[Any], pipeline: psycopg.Pipeline | None = None
) -> Execute:
    """Return a function that runs statements on a connection, also below another library."""
    cursor = Cursor(connection, row_factory=tuple_row)

    def execute(statement: Statement) -> Answer:
        with translated(psycopg.Error):
            cursor.execute(trusted(statement.text), statement.params, binary=True)
            if pipeline is not None:
                pipeline.sync()  # the next statement depends on the answer
            return Answer(cursor.fetchall() if cursor.description else [], cursor.rowcount)

    return execute


def aexecutor(
    connection: psycopg.AsyncConnection[Any], pipeline: psycopg.AsyncPipeline | None = None
) -> AsyncExecute:
    """Do what `executor` does, on an async connection."""
    cursor = AsyncCursor(connection, row_factory=tuple_row)

    async def execute(statement: Statement) -> Answer:
        with translated(psycopg.Error):
            await cursor.execute(trusted(statement.text), statement.params, binary=True)
            if pipeline is not None:
                await pipeline.sync()
            rows = await cursor.fetchall() if cursor.description else []
            return Answer(rows, cursor.rowcount)

    return execute


def _demand_open(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    if connection.closed:
        raise UsageError(CLOSED)


def _demand(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Refuse a connection whose transaction cannot be joined."""
    status = connection.info.transaction_status
    if status is TransactionStatus.INERROR:
        raise UsageError(ABORTED)
    if status is TransactionStatus.ACTIVE:
        raise UsageError(_BUSY)
    joins = status is TransactionStatus.INTRANS or not connection.autocommit
    demand_transaction("the psycopg connection", _ADVICE, open=joins)


def _pipelined(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    return connection.pgconn.pipeline_status != PipelineStatus.OFF


def _idle(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether the connection's next statement begins the transaction that the caller will end."""
    return connection.info.transaction_status is TransactionStatus.IDLE
