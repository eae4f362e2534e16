"""Transactions at SERIALIZABLE conflict over what their callers do, and not over our own rows."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from psycopg import IsolationLevel, sql
from psycopg.errors import SerializationFailure

from dutiful import App, EngineUnavailable

CROWD = 8
ROUNDS = 12
Conflict = (EngineUnavailable, SerializationFailure)


@pytest.fixture
async def app(postgres_url: str) -> AsyncIterator[App]:
    app = App(postgres_url)

    @app.task
    def charge() -> None: ...

    for number in range(CROWD):
        await charge.using(unique=f"held:{number}").aenqueue()
    yield app
    await app.close()


def by_python(app: App, connection: psycopg.Connection, number: int) -> None:
    charge = app.tasks["charge"]
    handle = charge.using(connection=connection, unique=f"held:{number}").enqueue()
    assert not handle.created
    assert charge.using(connection=connection).enqueue().created


def by_sql(app: App, connection: psycopg.Connection, number: int) -> None:
    schema = sql.Identifier(app.address.rpartition("schema=")[2])
    for key in (f"held:{number}", None):
        asked = sql.SQL("select {}.enqueue('charge', unique_key => %s)").format(schema)
        connection.execute(asked, (key,))


@pytest.mark.parametrize("enqueue", [by_python, by_sql])
def test_a_crowd_meets_no_conflict(
    app: App, postgres_url: str, enqueue: Callable[[App, psycopg.Connection, int], None]
) -> None:
    together = Barrier(CROWD, timeout=60)

    def caller(number: int) -> int:
        failed = 0
        with psycopg.connect(postgres_url.partition("?")[0]) as connection:
            connection.isolation_level = IsolationLevel.SERIALIZABLE
            for _ in range(ROUNDS):
                together.wait()
                try:
                    enqueue(app, connection, number)
                except Conflict:
                    failed += 1
                together.wait()
                try:
                    connection.commit()
                except Conflict:
                    failed += 1
                connection.rollback()
        return failed

    with ThreadPoolExecutor(CROWD) as threads:
        assert sum(threads.map(caller, range(CROWD))) == 0
