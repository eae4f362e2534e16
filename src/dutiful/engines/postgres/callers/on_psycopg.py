"""Psycopg's own connections, sync and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from dutiful.contract.statement import Plan, arun, run
from dutiful.engines.postgres.connection import aexecutor, executor
from dutiful.engines.postgres.faults import told

T = TypeVar("T")
_ENQUEUEING = "enqueueing on your connection"


def enqueue(connection: psycopg.Connection[Any], plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan inside the connection's transaction; what fails undoes itself alone."""
    try:
        if _would_begin(connection):
            # Else the block below would be the transaction, and its end would commit it.
            connection.execute("SELECT")
        with connection.transaction():
            return run(plans(connection), executor(connection))
    except psycopg.Error as error:
        raise told(error, _ENQUEUEING) from error


async def aenqueue(connection: psycopg.AsyncConnection[Any], plans: Callable[[Any], Plan[T]]) -> T:
    """Do what `enqueue` does on an async connection."""
    try:
        if _would_begin(connection):
            await connection.execute("SELECT")
        async with connection.transaction():
            return await arun(plans(connection), aexecutor(connection))
    except psycopg.Error as error:
        raise told(error, _ENQUEUEING) from error


def _would_begin(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Whether the connection's next statement begins the transaction that its user will end."""
    idle = connection.info.transaction_status is TransactionStatus.IDLE
    return idle and not connection.autocommit
