"""Connections of asyncpg, and what its pool lends."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from dutiful.contract.statement import Answer, Plan, Statement, arun
from dutiful.core.errors import UsageError
from dutiful.engines.postgres.faults import told

from .text import plain

T = TypeVar("T")


async def aenqueue(connection: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan inside the connection's transaction; what fails undoes itself alone."""
    asyncpg: Any = import_module("asyncpg")

    async def execute(statement: Statement) -> Answer:
        try:
            rows = await connection.fetch(statement.text, *plain(statement.params))
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise told(error, "enqueueing on your connection") from error
        return Answer([tuple(row.values()) for row in rows], len(rows))

    if not connection.is_in_transaction():
        raise UsageError(
            "the asyncpg connection has no transaction open, so there is nothing to join; write "
            "`async with conn.transaction():` around it, or leave out connection="
        )
    try:
        async with connection.transaction():
            # What its pool lends is new each time; the connection behind it is the same.
            driver = getattr(connection, "_con", connection)
            return await arun(plans(driver), execute)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise told(error, "enqueueing on your connection") from error
