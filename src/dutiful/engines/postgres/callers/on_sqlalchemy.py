"""SQLAlchemy's sessions and connections, sync and async."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

from dutiful.core.errors import UsageError
from dutiful.engines._sql.statement import AsyncExecute, Execute, Plan, arun, run

from . import on_asyncpg, on_psycopg, on_psycopg2
from .refusals import demand_no_pipeline, demand_transaction, in_its_encoding, translate_error

T = TypeVar("T")
_SYNC: dict[str, Callable[[Any], Execute]] = {
    "psycopg": on_psycopg.executor,
    "psycopg2": on_psycopg2.executor,
}
_ASYNC: dict[str, Callable[[Any], AsyncExecute]] = {
    "psycopg": on_psycopg.aexecutor,
    "psycopg_async": on_psycopg.aexecutor,
    "asyncpg": on_asyncpg.aexecutor,
}
_ADVICE = "begin one on an engine or connection whose isolation level is not AUTOCOMMIT"


def enqueue(given: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan in the transaction of a ``Session`` or ``Connection``, in a savepoint."""
    with _translated():
        connection = given.connection() if hasattr(given, "get_bind") else given
        driver = connection.dialect.driver
        if connection.dialect.name != "postgresql" or driver not in (*_SYNC, *_ASYNC):
            raise UsageError(
                f"the SQLAlchemy engine uses {connection.dialect.name}+{driver}; jobs are enqueued "
                "on postgresql+psycopg, postgresql+asyncpg and postgresql+psycopg2"
            )
        raw = connection.connection
        commits = getattr(raw.dbapi_connection, "autocommit", False)
        demand_transaction("the SQLAlchemy connection", _ADVICE, open=not commits)
        demand_no_pipeline(raw.driver_connection)
        with connection.begin_nested():
            # Below SQLAlchemy, which writes values by the adapters of the application.
            plan = in_its_encoding(raw.driver_connection, plans)
            if not connection.dialect.is_async:
                return run(plan, _SYNC[driver](raw.driver_connection))

            async def below(one: Any) -> T:
                return await arun(plan, _ASYNC[driver](one))

            answer: T = raw.dbapi_connection.run_async(below)
            return answer


async def aenqueue(given: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Do what `enqueue` does on an ``AsyncSession`` or ``AsyncConnection``."""
    with _translated():
        answer: T = await given.run_sync(enqueue, plans)
        return answer


async def aenqueue_scoped(given: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Do the same on the session of an ``async_scoped_session`` for the present scope."""
    return await aenqueue(given(), plans)


@contextmanager
def _translated() -> Generator[None]:
    """Raise the driver's errors and SQLAlchemy's own as Dutiful's."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except DBAPIError as error:
        raise translate_error(error.orig or error) from error
    except SQLAlchemyError as error:
        text = " ".join(str(error).split())
        raise UsageError(
            f"SQLAlchemy cannot run a statement on what you passed: {text}; roll back, or pass "
            "another connection"
        ) from error
