"""Connections of asyncpg, and what its pool lends."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from dutiful.contract.statement import Answer, Plan, Statement, arun
from dutiful.core.errors import UsageError

from .refusals import CLOSED, demand_transaction, in_its_encoding, translated
from .text import plain

T = TypeVar("T")
_ADVICE = "write `async with conn.transaction():` around it"


async def aenqueue(connection: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan inside the connection's transaction; what fails undoes itself alone."""
    asyncpg: Any = import_module("asyncpg")
    ours = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

    async def execute(statement: Statement) -> Answer:
        with translated(*ours, TimeoutError):
            rows = await connection.fetch(statement.text, *plain(statement.params))
            return Answer([tuple(row.values()) for row in rows], len(rows))

    with translated(*ours, TimeoutError):
        if connection.is_closed():
            raise UsageError(CLOSED)
        demand_transaction("the asyncpg connection", _ADVICE, open=connection.is_in_transaction())
        async with connection.transaction():
            # What its pool lends is new each time; the connection behind it is the same.
            driver = getattr(connection, "_con", connection)
            return await arun(in_its_encoding(driver, plans), execute)
