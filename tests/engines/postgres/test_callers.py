"""Jobs that commit or roll back with the row that caused them, through every library."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from dutiful import App, DuplicateJob, EngineUnavailable, UsageError, unique

END = Callable[[bool], Awaitable[None]]


def plain(url: str) -> str:
    return url.partition("?")[0]


@asynccontextmanager
async def psycopg_sync(url: str) -> AsyncIterator[tuple[Any, END]]:
    with psycopg.connect(plain(url)) as connection:

        async def end(commit: bool) -> None:
            connection.commit() if commit else connection.rollback()

        yield connection, end


@asynccontextmanager
async def psycopg_async(url: str) -> AsyncIterator[tuple[Any, END]]:
    async with await psycopg.AsyncConnection.connect(plain(url)) as connection:

        async def end(commit: bool) -> None:
            await (connection.commit() if commit else connection.rollback())

        yield connection, end


@asynccontextmanager
async def asyncpg_plain(url: str) -> AsyncIterator[tuple[Any, END]]:
    connection = await asyncpg.connect(plain(url))
    transaction = connection.transaction()
    await transaction.start()

    async def end(commit: bool) -> None:
        await (transaction.commit() if commit else transaction.rollback())

    yield connection, end
    await connection.close()


@asynccontextmanager
async def asyncpg_pool(url: str) -> AsyncIterator[tuple[Any, END]]:
    async with asyncpg.create_pool(plain(url), min_size=1) as pool, pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()

        async def end(commit: bool) -> None:
            await (transaction.commit() if commit else transaction.rollback())

        yield connection, end


@asynccontextmanager
async def alchemy_session(url: str) -> AsyncIterator[tuple[Any, END]]:
    engine = create_engine(plain(url).replace("://", "+psycopg://"))
    with Session(engine) as session:

        async def end(commit: bool) -> None:
            session.commit() if commit else session.rollback()

        yield session, end
    engine.dispose()


@asynccontextmanager
async def alchemy_connection(url: str) -> AsyncIterator[tuple[Any, END]]:
    engine = create_engine(plain(url).replace("://", "+psycopg://"))
    with engine.connect() as connection:

        async def end(commit: bool) -> None:
            connection.commit() if commit else connection.rollback()

        yield connection, end
    engine.dispose()


def alchemy_async(driver: str, *, session: bool) -> Any:
    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[tuple[Any, END]]:
        engine = create_async_engine(plain(url).replace("://", f"+{driver}://"))
        async with AsyncSession(engine) if session else engine.connect() as connection:

            async def end(commit: bool) -> None:
                await (connection.commit() if commit else connection.rollback())

            yield connection, end
        await engine.dispose()

    return opened


WAYS = {
    "psycopg": psycopg_sync,
    "psycopg-async": psycopg_async,
    "asyncpg": asyncpg_plain,
    "asyncpg-pool": asyncpg_pool,
    "sqlalchemy-session": alchemy_session,
    "sqlalchemy-connection": alchemy_connection,
    "sqlalchemy-async-session-psycopg": alchemy_async("psycopg", session=True),
    "sqlalchemy-async-session-asyncpg": alchemy_async("asyncpg", session=True),
    "sqlalchemy-async-connection-psycopg": alchemy_async("psycopg", session=False),
    "sqlalchemy-async-connection-asyncpg": alchemy_async("asyncpg", session=False),
}


@pytest.fixture(params=WAYS)
async def way(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[tuple[Any, END]]:
    async with WAYS[request.param](postgres_url) as opened:
        yield opened


async def states(app: App) -> dict[str, int]:
    rows = await app.store.inspector.queues()
    return {row.queue: sum(row.counts.values()) for row in rows}


async def test_a_commit_makes_the_jobs_visible(app: App, way: tuple[Any, END]) -> None:
    connection, end = way
    charge = app.tasks["charge"]
    await charge.using(connection=connection, queue="one").aenqueue(1)
    jobs = [charge.using(queue="many", delay=delay).job(2) for delay in (0, "1h", 0)]
    assert await app.aenqueue_many(jobs, connection=connection) == 3
    assert await states(app) == {}
    await end(True)
    assert await states(app) == {"one": 1, "many": 3}
    assert await app.store.inspector.tally() == {"enqueued": 4, "pruned": 0, "purged": 0}


async def test_a_rollback_leaves_no_trace(app: App, way: tuple[Any, END]) -> None:
    connection, end = way
    job = app.tasks["charge"].using(connection=connection, unique="order:1")
    assert (await job.aenqueue(1)).created
    assert not (await job.aenqueue(1)).created
    await end(False)
    assert await states(app) == {}
    assert (await app.store.inspector.tally())["enqueued"] == 0
    assert (await app.tasks["charge"].using(unique="order:1").aenqueue(1)).created


async def test_a_refused_batch_leaves_the_transaction_usable(
    app: App, way: tuple[Any, END]
) -> None:
    connection, end = way
    charge = app.tasks["charge"]
    picky = unique("order:1", on_conflict="raise")
    await charge.using(unique=picky).aenqueue(1)
    batch = [charge.job(2), charge.using(unique=picky).job(3)]
    with pytest.raises(DuplicateJob):
        await app.aenqueue_many(batch, connection=connection)
    await charge.using(connection=connection, queue="after").aenqueue(4)
    await end(True)
    assert await states(app) == {"default": 1, "after": 1}


async def test_a_commit_wakes_a_sleeping_worker(app: App, way: tuple[Any, END]) -> None:
    connection, end = way
    await app.store.consumer.wait(["default"], 0.3)  # until it listens
    listener = asyncio.create_task(app.store.consumer.wait(["default"], 30))
    await app.tasks["charge"].using(connection=connection).aenqueue(1)
    await asyncio.sleep(0.3)
    assert not listener.done()
    await end(True)
    async with asyncio.timeout(60):
        await listener


async def test_an_async_connection_must_be_awaited(app: App, postgres_url: str) -> None:
    async with psycopg_async(postgres_url) as (connection, _):
        with pytest.raises(UsageError, match="aenqueue"):
            app.tasks["charge"].using(connection=connection).enqueue(1)


async def test_what_is_no_connection_is_refused_by_name(app: App) -> None:
    with pytest.raises(UsageError, match=r"builtins\.object"):
        app.tasks["charge"].using(connection=object()).enqueue(1)


async def test_asyncpg_without_a_transaction_is_refused(app: App, postgres_url: str) -> None:
    connection = await asyncpg.connect(plain(postgres_url))
    with pytest.raises(UsageError, match="no transaction"):
        await app.tasks["charge"].using(connection=connection).aenqueue(1)
    await connection.close()


async def test_psycopg_in_autocommit_is_refused(app: App, postgres_url: str) -> None:
    charge = app.tasks["charge"]
    with psycopg.connect(plain(postgres_url), autocommit=True) as connection:
        with pytest.raises(UsageError, match="no transaction open"):
            charge.using(connection=connection).enqueue(1)
        with connection.transaction():
            charge.using(connection=connection).enqueue(1)
    assert await states(app) == {"default": 1}


async def test_a_closed_connection_is_refused(app: App, postgres_url: str) -> None:
    charge = app.tasks["charge"]
    connection = psycopg.connect(plain(postgres_url))
    connection.close()
    with pytest.raises(UsageError, match="closed"):
        charge.using(connection=connection).enqueue(1)
    other = await asyncpg.connect(plain(postgres_url))
    await other.close()
    with pytest.raises(UsageError, match="closed"):
        await charge.using(connection=other).aenqueue(1)
    engine = create_engine(plain(postgres_url).replace("://", "+psycopg://"))
    alchemy = engine.connect()
    alchemy.close()
    with pytest.raises(UsageError, match="closed"):
        charge.using(connection=alchemy).enqueue(1)
    engine.dispose()


async def test_a_connection_that_was_cut_is_told_as_ours(app: App, postgres_url: str) -> None:
    charge = app.tasks["charge"]
    cut = "SELECT pg_terminate_backend(pg_backend_pid())"
    engine = create_engine(plain(postgres_url).replace("://", "+psycopg://"))
    with engine.connect() as alchemy:
        with pytest.raises(DBAPIError):
            alchemy.exec_driver_sql(cut)
        with pytest.raises((EngineUnavailable, UsageError)):
            charge.using(connection=alchemy).enqueue(1)
    engine.dispose()
    connection = await asyncpg.connect(plain(postgres_url))
    await connection.transaction().start()
    with pytest.raises(asyncpg.PostgresError):
        await connection.execute(cut)
    with pytest.raises((EngineUnavailable, UsageError)):
        await charge.using(connection=connection).aenqueue(1)


async def test_a_session_that_failed_is_refused(app: App, postgres_url: str) -> None:
    engine = create_engine(plain(postgres_url).replace("://", "+psycopg://"))
    with Session(engine) as session:
        with pytest.raises(DBAPIError), session.begin_nested():
            session.execute(text("select 1 / 0"))
        app.tasks["charge"].using(connection=session).enqueue(1)  # it was rolled back to there
        with pytest.raises(DBAPIError):
            session.execute(text("select 1 / 0"))
        with pytest.raises(UsageError, match="failed already"):
            app.tasks["charge"].using(connection=session).enqueue(1)
    engine.dispose()


async def test_a_session_enqueues_with_its_own_rows(app: App, postgres_url: str) -> None:
    engine = create_engine(plain(postgres_url).replace("://", "+psycopg://"))
    with Session(engine) as session, session.begin():
        session.execute(text("create temp table orders (id int) on commit drop"))
        app.tasks["charge"].using(connection=session).enqueue(1)
        assert session.execute(text("select count(*) from orders")).scalar() == 0
    engine.dispose()
    assert await states(app) == {"default": 1}
