"""Every way to a transaction of the caller's: each library, driven by the same few verbs."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import (
    AsyncSession,
    async_scoped_session,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from dutiful.core.job import NewJob
from dutiful.engines.postgres import PostgresEngine

LEVELS = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
AUTOCOMMIT = "AUTOCOMMIT"


class Way:
    """One transaction on a connection of its own; ``level`` may be AUTOCOMMIT."""

    own_errors: tuple[type[Exception], ...] = ()
    """What an enqueue may raise beside our errors: where it is plain SQL, the driver's."""
    wraps = False
    """Whether it only finds a connection of another way, so that a few forms of it are enough."""
    levels = LEVELS

    def __init__(self, engine: PostgresEngine, url: str, level: str, *, read_only: bool) -> None:
        self.engine = engine
        self.url = url
        self.level = level
        self.read_only = read_only
        self.connection: Any = None
        self.open_things = AsyncExitStack()

    async def begin(self) -> None:
        raise NotImplementedError

    async def execute(self, statement: str) -> None:
        raise NotImplementedError

    async def enqueue(self, job: NewJob) -> None:
        await self.engine.caller_producer.aenqueue_on(self.connection, [job])

    async def commit(self) -> None:
        await self.connection.commit()

    async def close(self) -> None:
        await self.open_things.aclose()


class PsycopgAsync(Way):
    async def begin(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self.url)
        self.open_things.push_async_callback(connection.close)
        await connection.set_autocommit(self.level == AUTOCOMMIT)
        await connection.set_read_only(self.read_only)
        if self.level in LEVELS:
            level = psycopg.IsolationLevel[self.level.replace(" ", "_")]
            await connection.set_isolation_level(level)
        self.connection = connection

    async def execute(self, statement: str) -> None:
        await self.connection.execute(statement)


class Asyncpg(Way):
    async def begin(self) -> None:
        self.connection = await asyncpg.connect(self.url)
        self.open_things.push_async_callback(self.connection.close)
        await self._begin()

    async def _begin(self) -> None:
        if self.level in LEVELS:
            level = self.level.lower().replace(" ", "_")
            self.transaction = self.connection.transaction(isolation=level, readonly=self.read_only)
            await self.transaction.start()

    async def execute(self, statement: str) -> None:
        await self.connection.execute(statement)

    async def commit(self) -> None:
        await self.transaction.commit()


class AsyncpgPool(Asyncpg):
    wraps = True

    async def begin(self) -> None:
        pool = await self.open_things.enter_async_context(asyncpg.create_pool(self.url, min_size=1))
        self.connection = await self.open_things.enter_async_context(pool.acquire())
        await self._begin()


class Alchemy(Way):
    """An async session or connection; `bound` makes one of an engine."""

    driver = "psycopg"

    def bound(self, engine: Any) -> Any:
        return engine.connect()

    async def begin(self) -> None:
        options = {"isolation_level": self.level, "postgresql_readonly": self.read_only}
        engine = create_async_engine(
            self.url.replace("://", f"+{self.driver}://"), execution_options=options
        )
        self.open_things.push_async_callback(engine.dispose)
        self.connection = await self.open_things.enter_async_context(self.bound(engine))

    async def execute(self, statement: str) -> None:
        await self.connection.execute(text(statement))


class AlchemyAsyncpg(Alchemy):
    driver = "asyncpg"
    levels = LEVELS[1:]

    def bound(self, engine: Any) -> Any:
        return AsyncSession(engine)


class AlchemyAsyncScoped(Alchemy):
    driver = "asyncpg"
    levels = LEVELS[1:]
    wraps = True

    async def begin(self) -> None:
        await super().begin()
        self.open_things.push_async_callback(self.connection.remove)

    def bound(self, engine: Any) -> Any:
        return _Kept(async_scoped_session(async_sessionmaker(engine), asyncio.current_task))


class _Kept:
    """A context that leaves the end to somebody else."""

    def __init__(self, kept: Any) -> None:
        self.kept = kept

    async def __aenter__(self) -> Any:
        return self.kept

    async def __aexit__(self, *error: object) -> None: ...


class InThread(Way):
    """A sync library, in a thread of its own: Django's connections belong to one."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.thread = ThreadPoolExecutor(1)
        self.closing: list[Callable[[], object]] = []

    async def _call(self, call: Callable[..., Any], *given: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.thread, call, *given)

    async def begin(self) -> None:
        await self._call(self._begin)

    async def execute(self, statement: str) -> None:
        await self._call(self._execute, statement)

    async def enqueue(self, job: NewJob) -> None:
        await self._call(self._enqueue, job)

    async def commit(self) -> None:
        await self._call(self._commit)

    async def close(self) -> None:
        for close in reversed(self.closing):
            with suppress(Exception):  # of a transaction that was prepared, or has failed
                await self._call(close)
        self.thread.shutdown()

    def _begin(self) -> None:
        raise NotImplementedError

    def _execute(self, statement: str) -> None:
        self.connection.execute(statement)

    def _enqueue(self, job: NewJob) -> None:
        self.engine.caller_producer.enqueue_on(self.connection, [job])

    def _commit(self) -> None:
        self.connection.commit()


class Psycopg(InThread):
    def _begin(self) -> None:
        self.connection = psycopg.connect(self.url, autocommit=self.level == AUTOCOMMIT)
        self.closing.append(self.connection.close)
        self.connection.read_only = self.read_only
        if self.level in LEVELS:
            level = psycopg.IsolationLevel[self.level.replace(" ", "_")]
            self.connection.isolation_level = level


class Sql(Psycopg):
    own_errors = (psycopg.Error,)

    def _enqueue(self, job: NewJob) -> None:
        self.connection.execute("SELECT dutiful.enqueue(%s, id => %s)", (job.task, job.id))


class AlchemySync(InThread):
    driver = "psycopg"

    def bound(self, engine: Any) -> Any:
        return engine.connect()

    def _begin(self) -> None:
        if importlib.util.find_spec(self.driver) is None:
            pytest.skip(f"peer: no {self.driver} in this environment")
        options = {"isolation_level": self.level, "postgresql_readonly": self.read_only}
        url = self.url.replace("://", f"+{self.driver}://")
        engine = create_engine(url, execution_options=options)
        self.closing.append(engine.dispose)
        self.connection = self.bound(engine)
        self.closing.append(self.connection.close)

    def _execute(self, statement: str) -> None:
        self.connection.execute(text(statement))


class AlchemySession(AlchemySync):
    wraps = True

    def bound(self, engine: Any) -> Any:
        return Session(engine)


class AlchemyScoped(AlchemySync):
    wraps = True

    def bound(self, engine: Any) -> Any:
        return scoped_session(sessionmaker(engine))


class AlchemyPsycopg2(AlchemySync):
    driver = "psycopg2"


class Django(InThread):
    def _begin(self) -> None:
        import django
        from django.conf import settings

        if not settings.configured:
            settings.configure(DATABASES={})
            django.setup()
        from django.db import connections, transaction

        parts = urlsplit(self.url)
        alias = f"matrix_{id(self)}"
        connections.databases[alias] = {
            **connections.databases["default"],
            "ENGINE": "django.db.backends.postgresql",
            "NAME": parts.path[1:],
            "USER": parts.username,
            "HOST": parts.hostname,
            "PORT": str(parts.port),
        }
        connections.configure_settings(connections.databases)
        self.connection = connections[alias]
        self.closing.append(self.connection.close)
        if self.level in LEVELS:
            self.atomic = transaction.atomic(using=alias)
            self.atomic.__enter__()
            mode = "READ ONLY" if self.read_only else "READ WRITE"
            self._execute(f"SET TRANSACTION ISOLATION LEVEL {self.level} {mode}")

    def _execute(self, statement: str) -> None:
        self.connection.cursor().execute(statement)

    def _commit(self) -> None:
        self.atomic.__exit__(None, None, None)


WAYS: dict[str, type[Way]] = {
    "psycopg": Psycopg,
    "psycopg-async": PsycopgAsync,
    "asyncpg": Asyncpg,
    "asyncpg-pool": AsyncpgPool,
    "sqlalchemy": AlchemySync,
    "sqlalchemy-session": AlchemySession,
    "sqlalchemy-scoped": AlchemyScoped,
    "sqlalchemy-psycopg2": AlchemyPsycopg2,
    "sqlalchemy-async": Alchemy,
    "sqlalchemy-async-session": AlchemyAsyncpg,
    "sqlalchemy-async-scoped": AlchemyAsyncScoped,
    "django": Django,
    "sql": Sql,
}
