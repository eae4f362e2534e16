"""Storing new jobs on the caller's own connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import UsageError
from dutiful.core.job import NewJob
from dutiful.engines._sql.statement import Plan
from dutiful.engines.postgres.producer import again
from dutiful.engines.postgres.schema.database_identity import WrongDatabase
from dutiful.engines.postgres.session import Session

from . import on_asyncpg, on_django, on_psycopg, on_sqlalchemy

T = TypeVar("T")
Receipts = tuple[Receipt, ...]
Plans = Callable[[Any], Plan[Receipts]]
"""Makes the plan for a driver's connection."""
Enqueue = Callable[[Any, Plans], Receipts]
AEnqueue = Callable[[Any, Plans], Awaitable[Receipts]]

_SYNC: dict[str, Enqueue] = {
    "psycopg.Connection": on_psycopg.enqueue,
    "builtins.str": on_django.enqueue,
    "sqlalchemy.orm.session.Session": on_sqlalchemy.enqueue,
    "sqlalchemy.orm.scoping.scoped_session": on_sqlalchemy.enqueue,
    "sqlalchemy.engine.base.Connection": on_sqlalchemy.enqueue,
    "django.db.backends.base.base.BaseDatabaseWrapper": on_django.enqueue,
    "django.utils.connection.ConnectionProxy": on_django.enqueue,
}
_ASYNC: dict[str, AEnqueue] = {
    "psycopg.AsyncConnection": on_psycopg.aenqueue,
    "asyncpg.connection.Connection": on_asyncpg.aenqueue,
    "asyncpg.pool.PoolConnectionProxy": on_asyncpg.aenqueue,
    "sqlalchemy.ext.asyncio.session.AsyncSession": on_sqlalchemy.aenqueue,
    "sqlalchemy.ext.asyncio.scoping.async_scoped_session": on_sqlalchemy.aenqueue_scoped,
    "sqlalchemy.ext.asyncio.engine.AsyncConnection": on_sqlalchemy.aenqueue,
}


class PostgresCaller:
    """Enqueueing inside the caller's transaction."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    def enqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> Receipts:
        """Store jobs on a sync connection, inside its transaction."""
        found = _found(connection, _SYNC)
        if found is None:
            if _found(connection, _ASYNC) is not None:
                raise UsageError(
                    f"{_kind(connection)} is async; write `await task.using(connection=...)"
                    ".aenqueue(...)`, or `await app.aenqueue_many(..., connection=...)`"
                )
            raise UsageError(
                f"{_kind(connection)} is not a connection that takes jobs; pass one of "
                "psycopg, asyncpg, SQLAlchemy (Session, Connection, their async forms) or Django"
            )
        database_check, plans = self.session.database_check, self._plans(jobs)
        database_check.learn()
        try:
            return found(connection, plans)
        except WrongDatabase as wrong:
            database_check.judge(wrong)
        return found(connection, plans)

    async def aenqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> Receipts:
        """Store jobs on an async connection, or on a sync one, inside its transaction."""
        found = _found(connection, _ASYNC)
        if found is None:
            return self.enqueue_on(connection, jobs)
        database_check, plans, aside = (
            self.session.database_check,
            self._plans(jobs),
            self.session.pool.aside,
        )
        if database_check.doubtful:
            await aside(database_check.learn)
        try:
            return await found(connection, plans)
        except WrongDatabase as wrong:
            await aside(partial(database_check.judge, wrong))
        return await found(connection, plans)

    def _plans(self, jobs: Sequence[NewJob]) -> Plans:
        session = self.session

        def plan(driver: Any) -> Plan[Receipts]:
            plan = again(session.sql, jobs, session.now, joins=True)
            return session.database_check.reached(driver, plan)

        return plan


def _found(connection: Any, known: Mapping[str, T]) -> T | None:
    """Find a library by the name of the connection's class, so that none has to be imported."""
    for kind in type(connection).__mro__:
        if (found := known.get(f"{kind.__module__}.{kind.__qualname__}")) is not None:
            return found
    return None


def _kind(connection: Any) -> str:
    return f"a {type(connection).__module__}.{type(connection).__qualname__}"
