"""By way of PgBouncer in transaction mode, which carries neither LISTEN nor prepared statements."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dutiful import App, Context, EngineUnavailable
from dutiful.core.errors import BadConfiguration
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.connections.errors import translate_error
from dutiful.servers.postgres import LocalServer
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.servers.pgbouncer import Pooler, pooler

SHOWN = """
select current_setting('transaction_isolation'), current_setting('lock_timeout'),
  current_setting('enable_seqscan')
"""
PINNED = "select setting from pg_settings where name = 'enable_seqscan'"


@pytest.fixture
def url(postgres: LocalServer, pgbouncer: Pooler) -> str:
    return pgbouncer.through(postgres.url(schema=f"jobs_{uuid4().hex[:12]}"), pooler="yes")


@pytest.fixture
async def app(url: str) -> AsyncIterator[App]:
    app = App(url)
    await app.open()
    yield app
    await app.close()


async def test_many_may_open_a_new_store_at_once(url: str) -> None:
    engines = [PostgresEngine(url) for _ in range(6)]
    await asyncio.gather(*(engine.open() for engine in engines))
    for engine in engines:
        await engine.close()


async def test_an_idle_worker_finds_a_job_by_looking(app: App) -> None:
    @app.task
    async def work(number: int) -> int:
        return number

    worker = Worker(app, WorkerOptions(concurrency=4, grace=0))
    running = asyncio.create_task(worker.run())
    await (await work.aenqueue(0)).aresult(timeout=60)
    await asyncio.sleep(1)  # it has gone to sleep, and nothing can wake it
    began = time.monotonic()
    handles = [await work.aenqueue(number) for number in range(1, 40)]
    assert [await handle.aresult(timeout=60) for handle in handles] == [*range(1, 40)]
    assert time.monotonic() - began < 20
    worker.stop()
    await running


async def test_a_job_is_enqueued_with_the_callers_row_or_not_at_all(app: App, url: str) -> None:
    @app.task
    async def work(number: int) -> None: ...

    plain = url.partition("?")[0]
    with psycopg.connect(plain, prepare_threshold=None) as connection:
        work.using(connection=connection).enqueue(1)
        connection.rollback()
        work.using(connection=connection).enqueue(2)
    assert (await app.store.inspector.tally())["enqueued"] == 1


async def test_what_a_task_writes_and_its_end_commit_together(app: App, url: str) -> None:
    table = sql.Identifier(f"written_{uuid4().hex[:8]}")
    insert = sql.SQL("insert into {} values (%s)").format(table)
    plain = url.partition("?")[0]
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(sql.SQL("create table {} (n int)").format(table))

    @app.task
    def sync(number: int, ctx: Context) -> None:
        with ctx.transaction() as connection:
            connection.execute(insert, (number,))
        if number < 0:
            raise ValueError(number)

    @app.task
    async def awaited(number: int, ctx: Context) -> None:
        async with ctx.transaction() as connection:
            await connection.execute(insert, (number,))

    handles = [await task.aenqueue(n) for n in range(20) for task in (sync, awaited)]
    await sync.using(max_attempts=1).aenqueue(-1)
    await Worker(app, WorkerOptions(concurrency=8, burst=True)).run()
    for handle in handles:
        await handle.aresult(timeout=60)
    with psycopg.connect(plain) as connection:
        rows = connection.execute(sql.SQL("select n from {}").format(table)).fetchall()
    assert sorted(n for (n,) in rows) == sorted([*range(20), *range(20)])


async def test_nothing_of_ours_stays_on_the_servers_connections(app: App, url: str) -> None:
    @app.task
    async def work() -> None: ...

    for _ in range(20):
        await work.aenqueue()
    await Worker(app, WorkerOptions(concurrency=4, burst=True)).run()
    with psycopg.connect(url.partition("?")[0], prepare_threshold=None) as connection:
        assert connection.execute(PINNED).fetchone() == ("on",)
        assert connection.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)
        assert connection.execute("select pg_listening_channels()").fetchall() == []


async def test_what_a_database_presets_changes_nothing_behind_a_pooler(
    postgres: LocalServer, postgres_database: str
) -> None:
    name = postgres_database.rpartition("/")[2]
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        for setting in ("default_transaction_isolation = serializable", "lock_timeout = 1"):
            connection.execute(f"alter database {name} set {setting}".encode())
    with pooler(postgres, "transaction") as running:
        engine = PostgresEngine(running.through(f"{postgres_database}?", pooler="yes"))
        await engine.open()

        def shown() -> Plan[list[str]]:
            rows = (yield Statement(SHOWN)).rows
            return list(rows[0])

        wanted = ["read committed", "5s", "off"]
        assert await engine.session.pool.aonce(shown) == wanted
        assert await engine.session.async_query_pool.once(shown) == [
            "read committed",
            "500ms",
            "off",
        ]
        assert await engine.session.heartbeat_connection.aonce(shown) == [
            "read committed",
            "100ms",
            "on",
        ]
        await engine.close()


async def test_a_pooler_that_the_url_does_not_tell_of_is_refused(url: str) -> None:
    engine = PostgresEngine(url.replace("pooler=yes&", ""))
    with pytest.raises(BadConfiguration, match="add pooler=yes to the URL"):
        await engine.open()
    await engine.close()


async def test_a_pooler_in_session_mode_needs_nothing(
    postgres: LocalServer, postgres_database: str
) -> None:
    with pooler(postgres, "session") as running:
        app = App(running.through(postgres_database))

        @app.task
        async def work() -> None: ...

        handle = await work.aenqueue()
        await Worker(app, WorkerOptions(concurrency=4, burst=True)).run()
        await handle.aresult(timeout=60)
        await app.close()


def test_a_pooler_that_went_unnoticed_is_told_of_by_its_first_trouble() -> None:
    lost = psycopg.errors.InvalidSqlStatementName('prepared statement "_pg3_0" does not exist')
    said = translate_error(lost, "using the store")
    assert isinstance(said, EngineUnavailable)
    assert "add pooler=yes to the URL" in str(said)
