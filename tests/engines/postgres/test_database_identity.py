"""A connection that leads to another database than the app's is refused, whatever the library."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from dutiful import App, UsageError
from dutiful.core.errors import StoreUnusable
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.schema.database_identity import DatabaseIdentity
from tests.engines.postgres.test_callers import END, WAYS, plain, psycopg_sync


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Any:
    return WAYS[request.param]


async def jobs(app: App) -> int:
    return (await app.store.inspector.tally())["enqueued"]


async def test_another_database_with_such_a_store_is_refused(
    app: App, way: Any, postgres_url: str, postgres_database: str
) -> None:
    elsewhere = App(f"{postgres_database}?schema={postgres_url.rpartition('=')[2]}")
    await elsewhere.open()
    charge = app.tasks["charge"]
    try:
        end: END
        async with way(postgres_database) as (connection, end):
            with pytest.raises(UsageError, match=r"leads to another database .*'db_"):
                await charge.using(connection=connection).aenqueue(1)
            await end(True)
        assert await jobs(elsewhere) == 0
    finally:
        await elsewhere.close()


async def test_a_database_without_a_store_is_told_as_another(
    app: App, postgres_database: str
) -> None:
    async with psycopg_sync(postgres_database) as (connection, _):
        with pytest.raises(UsageError, match="leads to another database"):
            app.tasks["charge"].using(connection=connection).enqueue(1)


async def test_the_question_is_asked_once_a_connection(
    app: App, way: Any, postgres_url: str
) -> None:
    charge = app.tasks["charge"]
    async with way(postgres_url) as (connection, end):
        await charge.using(connection=connection).aenqueue(1)
        engine: Any = app.store.engine
        engine.session.sql._texts["database_identity"] = "SELECT asked_again"
        await charge.using(connection=connection).aenqueue(2)
        await end(True)
    assert await jobs(app) == 2


async def test_a_server_that_was_started_anew_is_still_the_same(
    app: App, way: Any, postgres_url: str
) -> None:
    engine: Any = app.store.engine
    engine.session.database_check._here = DatabaseIdentity("jobs", 1)
    async with way(postgres_url) as (connection, end):
        await app.tasks["charge"].using(connection=connection).aenqueue(1)
        await end(True)
    assert await jobs(app) == 1


async def test_another_server_is_named_as_such(app: App, postgres_url: str) -> None:
    engine: Any = app.store.engine

    name = psycopg.conninfo.conninfo_to_dict(plain(postgres_url))["dbname"]
    engine.session.database_check._asked = lambda: DatabaseIdentity(str(name), 1)
    async with psycopg_sync(postgres_url) as (connection, _):
        with pytest.raises(UsageError, match="leads to another server"):
            app.tasks["charge"].using(connection=connection).enqueue(1)


async def test_a_server_of_ours_that_is_away_stops_nobody(app: App, postgres_url: str) -> None:
    """The caller's own connection works, and is all that is needed."""
    engine: Any = app.store.engine
    there = engine.session.address
    unreachable = PostgresEngine("postgresql://nobody@127.0.0.1:1/none").session.address
    engine.session.database_check._address = unreachable
    async with psycopg_sync(postgres_url) as (connection, end):
        app.tasks["charge"].using(connection=connection).enqueue(1)
        await end(True)
    engine.session.database_check._address = there
    assert await jobs(app) == 1


async def test_a_url_that_cannot_be_used_is_told(postgres_url: str) -> None:
    app = App(plain(postgres_url).rpartition("/")[0] + f"/none_{uuid4().hex[:8]}")

    @app.task
    async def charge(order: int) -> None: ...

    async with psycopg_sync(postgres_url) as (connection, _):
        with pytest.raises(StoreUnusable, match="no such database"):
            charge.using(connection=connection).enqueue(1)
