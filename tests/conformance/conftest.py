"""The engines that are held to the contract: one more engine is one more entry here."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dutiful.engines.memory import MemoryEngine
from dutiful.testing import FakeClock
from dutiful.testing.broker import BrokerQueues, PoorBroker
from dutiful.testing.broker_connected import ConnectedBroker
from dutiful.testing.broker_faults import BrokerFault
from dutiful.testing.conformance import Connect, FailNext, RealTime, SuiteClock
from tests.conformance.effects import Stores


class BlockingCaller:
    """Somebody with a plain connection, in sync code or (where it blocks) in async code."""

    def __init__(self, store: Any, connection: Any, *, awaited: bool) -> None:
        self.store = store
        self.connection = connection
        self.awaited = awaited

    async def write(self, line: str) -> None:
        self.store.write(self.connection, line)

    async def commit(self) -> None:
        self.connection.commit()

    async def rollback(self) -> None:
        self.connection.rollback()


class AwaitedCaller:
    """Somebody with a connection that is awaited."""

    awaited = True

    def __init__(self, store: Any, connection: Any) -> None:
        self.store = store
        self.connection = connection

    async def write(self, line: str) -> None:
        await self.store.awrite(self.connection, line)

    async def commit(self) -> None:
        await self.connection.commit()

    async def rollback(self) -> None:
        await self.connection.rollback()


class MemoryStore:
    """One memory that many instances share."""

    def __init__(self, folder: Path) -> None:
        self.first: MemoryEngine | None = None

    def connect(self, clock: SuiteClock) -> MemoryEngine:
        engine = MemoryEngine(clock, self.first and self.first.tables)
        self.first = self.first or engine
        return engine

    def write(self, connection: Any, line: str) -> None:
        connection[line] = True

    def lines(self) -> list[str]:
        return list(self.first.tables.data) if self.first else []


class SqliteStore:
    """One file that many instances open."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "jobs.db"

    def connect(self, clock: SuiteClock) -> Any:
        from dutiful.engines.sqlite import SqliteEngine

        return SqliteEngine(self.path, clock=clock)

    def write(self, connection: Any, line: str) -> None:
        connection.execute("create table if not exists ledger (line text)")
        connection.execute("insert into ledger values (?)", (line,))

    @contextlib.asynccontextmanager
    async def caller(self, awaited: bool) -> AsyncIterator[Any]:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            yield BlockingCaller(self, connection, awaited=awaited)

    def lines(self) -> list[str]:
        with contextlib.closing(sqlite3.connect(self.path)) as reader:
            if not reader.execute("select 1 from sqlite_master where name = 'ledger'").fetchall():
                return []
            return [line for (line,) in reader.execute("select line from ledger")]


class PostgresStore:
    """One schema that many instances share."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ledger = url.rpartition("=")[2] + "_ledger"
        self.plain = url.partition("?")[0]

    def connect(self, clock: SuiteClock) -> Any:
        from dutiful.engines.postgres import PostgresEngine

        return PostgresEngine(self.url, clock=clock)

    def write(self, connection: Any, line: str) -> None:
        table = sql.Identifier(self.ledger)
        make = sql.SQL("create table if not exists {} (line text)")
        connection.execute(make.format(table))
        connection.execute(sql.SQL("insert into {} values (%s)").format(table), (line,))

    async def awrite(self, connection: Any, line: str) -> None:
        table = sql.Identifier(self.ledger)
        make = sql.SQL("create table if not exists {} (line text)")
        await connection.execute(make.format(table))
        await connection.execute(sql.SQL("insert into {} values (%s)").format(table), (line,))

    @contextlib.asynccontextmanager
    async def caller(self, awaited: bool) -> AsyncIterator[Any]:
        if not awaited:
            with psycopg.connect(self.plain) as connection:
                yield BlockingCaller(self, connection, awaited=False)
            return
        async with await psycopg.AsyncConnection.connect(self.plain) as aconnection:
            yield AwaitedCaller(self, aconnection)

    def lines(self) -> list[str]:
        with psycopg.connect(self.plain) as reader:
            if reader.execute("select to_regclass(%s)", (self.ledger,)).fetchone() == (None,):
                return []
            query = sql.SQL("select line from {}").format(sql.Identifier(self.ledger))
            return [line for (line,) in reader.execute(query)]


class BrokerStore:
    """One broker that many instances share; no test moves its clock."""

    def __init__(self) -> None:
        self.clock = RealTime()
        self.queues = BrokerQueues(self.clock)

    def connect(self, clock: SuiteClock) -> PoorBroker:
        return PoorBroker(self.queues)

    def fail_next(self, count: int) -> None:
        self.queues.faults.scripted[BrokerFault.ENTRY] = count


class ConnectedStore(BrokerStore):
    """The same broker, where a message is a worker's while it is connected."""

    def connect(self, clock: SuiteClock) -> ConnectedBroker:
        return ConnectedBroker(self.queues)


STORES: dict[str, Callable[[pytest.FixtureRequest], Any]] = {
    "memory": lambda request: MemoryStore(request.getfixturevalue("tmp_path")),
    "sqlite": lambda request: SqliteStore(request.getfixturevalue("tmp_path")),
    "postgresql": lambda request: PostgresStore(request.getfixturevalue("postgres_url")),
    "broker": lambda request: BrokerStore(),
    "connected": lambda request: ConnectedStore(),
}
WITHOUT_CLOCK = {"broker", "connected"}
"""Stores whose time is real."""


def unmade_store(request: pytest.FixtureRequest, engine: str) -> Any:
    """Return a store that nobody has opened yet; the usual one is a copy on PostgreSQL."""
    if engine == "postgresql":
        return PostgresStore(f"{request.getfixturevalue('postgres_database')}?schema=unmade")
    return STORES[engine](request)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Any:
    return STORES[request.param](request)


@pytest.fixture
def connect(store: Any) -> Connect:
    return store.connect


@pytest.fixture
def clock(store: Any) -> SuiteClock:
    return getattr(store, "clock", None) or FakeClock()


@pytest.fixture
def fail_next(store: Any) -> FailNext:
    return store.fail_next


@pytest.fixture(params=sorted(STORES.keys() - WITHOUT_CLOCK))
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    clock = FakeClock()
    found = Stores(STORES[request.param](request).connect(clock), clock)
    yield found
    found.close()


@pytest.fixture
def ledger(store: Any) -> Any:
    return store


@pytest.fixture(params=["sync", "async"])
async def caller(request: pytest.FixtureRequest, engine: Any, store: Any) -> AsyncIterator[Any]:
    async with store.caller(request.param == "async") as caller:
        yield caller
