"""What a task writes in ctx.transaction() and the job's completion are one commit."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from dutiful import App, Context, Retry, UsageError
from dutiful.core.outcome import Crashed
from dutiful.core.settle import Rules, settle
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

ONCE = Retry(max_attempts=1)


@pytest.fixture
async def app(postgres_database: str) -> AsyncIterator[App]:
    app = App(postgres_database)
    await app.open()
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute("create table ledger (name text)")
    yield app
    await app.close()


def ledger(app: App) -> list[str]:
    with psycopg.connect(str(app.settings.url)) as connection:
        return [name for (name,) in connection.execute("select name from ledger order by name")]


def tasks(app: App, then: Any) -> None:
    """Register a task of each kind that writes a line and then does something."""

    @app.task(name="sync", retry=ONCE)
    def sync(name: str, ctx: Context) -> str:
        with ctx.transaction() as connection:
            connection.execute("insert into ledger values (%s)", (name,))
            asyncio.run_coroutine_threadsafe(then(ctx, connection), loop).result(10)
        return name

    @app.task(name="async", retry=ONCE)
    async def on_loop(name: str, ctx: Context) -> str:
        async with ctx.transaction() as connection:
            await connection.execute("insert into ledger values (%s)", (name,))
            await then(ctx, connection)
        return name

    loop = asyncio.get_running_loop()


async def nothing(ctx: Context, connection: Any) -> None: ...


async def outcome(app: App, kind: str) -> tuple[str, str]:
    handle = await app.tasks[kind].aenqueue(kind)
    await Worker(app, WorkerOptions(burst=True)).run()
    (job,) = await app.store.inspector.get([handle.id])
    errors = await app.store.inspector.errors(handle.id)
    return job.state.word, errors[-1].type.rpartition(".")[2] if errors else ""


KINDS = pytest.mark.parametrize("kind", ["sync", "async"])


@KINDS
async def test_writes_are_kept_with_the_completion(app: App, kind: str) -> None:
    tasks(app, nothing)
    assert await outcome(app, kind) == ("succeeded", "")
    assert ledger(app) == [kind]


@KINDS
async def test_an_error_undoes_the_writes(app: App, kind: str) -> None:
    async def fail(ctx: Context, connection: Any) -> None:
        raise ZeroDivisionError

    tasks(app, fail)
    assert await outcome(app, kind) == ("dead", "ZeroDivisionError")
    assert ledger(app) == []


@KINDS
async def test_a_claim_that_was_taken_away_undoes_the_writes(app: App, kind: str) -> None:
    async def rescue(ctx: Context, connection: Any) -> None:
        (claim,) = await app.store.fleet.claimed(str(ctx.job.worker))
        lost = settle(claim, Crashed("gone"), 0, lambda: 0.5, Rules())
        await app.store.consumer.exchange("other", [lost], None)

    tasks(app, rescue)
    assert (await outcome(app, kind))[0] in ("dead", "queued")
    assert ledger(app) == []


@KINDS
async def test_the_end_of_the_transaction_is_the_jobs(app: App, kind: str) -> None:
    async def end(ctx: Context, connection: Any) -> None:
        answer = connection.commit()
        if answer is not None:
            await answer

    tasks(app, end)
    assert await outcome(app, kind) == ("dead", UsageError.__name__)
    assert ledger(app) == []


@KINDS
async def test_a_transaction_ended_by_sql_is_refused(app: App, kind: str) -> None:
    async def end(ctx: Context, connection: Any) -> None:
        answer = connection.execute("rollback")
        if asyncio.iscoroutine(answer):
            await answer

    tasks(app, end)
    assert (await outcome(app, kind))[0] == "dead"
    assert ledger(app) == []


@KINDS
async def test_a_killed_backend_undoes_the_writes(app: App, kind: str) -> None:
    async def kill(ctx: Context, connection: Any) -> None:
        with psycopg.connect(str(app.settings.url), autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))

    tasks(app, kill)
    assert (await outcome(app, kind))[0] == "dead"
    assert ledger(app) == []


async def test_blocks_share_a_transaction_and_savepoints_are_the_tasks(app: App) -> None:
    @app.task(retry=ONCE)
    async def twice(ctx: Context) -> None:
        async with ctx.transaction() as one, ctx.transaction() as other:
            assert one is other
            await one.execute("insert into ledger values ('kept')")
            try:
                async with one.transaction():
                    await one.execute("insert into ledger values ('undone')")
                    raise KeyError
            except KeyError:
                pass

    handle = await twice.aenqueue()
    await Worker(app, WorkerOptions(burst=True)).run()
    assert await handle.aresult(timeout=60) is None
    assert ledger(app) == ["kept"]


async def test_more_transactions_than_connections_wait_their_turn(app: App) -> None:
    @app.task(retry=ONCE)
    async def busy(number: int, ctx: Context) -> None:
        async with ctx.transaction() as connection:
            await connection.execute("insert into ledger values (%s)", (str(number),))
            await connection.execute("select pg_sleep(0.02)")

    await app.aenqueue_many(busy.job(number) for number in range(40))
    await Worker(app, WorkerOptions(burst=True, concurrency=30)).run()
    assert len(ledger(app)) == 40
