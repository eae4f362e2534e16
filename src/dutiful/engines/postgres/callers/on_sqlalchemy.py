"""SQLAlchemy's sessions and connections, sync and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dutiful.contract.statement import Answer, Execute, Plan, Statement, run
from dutiful.core.errors import UsageError
from dutiful.engines.postgres.faults import told

from .text import by_name, named, plain

T = TypeVar("T")
_DRIVERS = ("psycopg", "asyncpg", "psycopg2", "psycopg_async")


def enqueue(given: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan in the transaction of a ``Session`` or ``Connection``, in a savepoint."""
    from sqlalchemy.exc import DBAPIError

    connection = given.connection() if hasattr(given, "get_bind") else given
    driver = connection.dialect.driver
    if connection.dialect.name != "postgresql" or driver not in _DRIVERS:
        raise UsageError(
            f"the SQLAlchemy engine uses {connection.dialect.name}+{driver}; jobs are enqueued on "
            "postgresql+psycopg and postgresql+asyncpg"
        )
    try:
        with connection.begin_nested():
            plan = plans(connection.connection.driver_connection)
            return run(plan, _executor(connection, numbered=driver == "asyncpg"))
    except DBAPIError as error:
        raise told(error.orig or error, "enqueueing on your connection") from error


async def aenqueue(given: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Do what `enqueue` does on an ``AsyncSession`` or ``AsyncConnection``."""
    answer: T = await given.run_sync(enqueue, plans)
    return answer


def _executor(connection: Any, *, numbered: bool) -> Execute:
    from sqlalchemy.exc import DBAPIError

    def execute(statement: Statement) -> Answer:
        try:
            if numbered:
                text, params = statement.text, tuple(plain(statement.params))
                result = connection.exec_driver_sql(text, params)
            else:
                named_text, by_names = named(statement.text), by_name(statement.params)
                result = connection.exec_driver_sql(named_text, by_names)
            rows = [tuple(row) for row in result.fetchall()] if result.returns_rows else []
        except DBAPIError as error:
            raise told(error.orig or error, "enqueueing on your connection") from error
        return Answer(rows, len(rows))

    return execute
