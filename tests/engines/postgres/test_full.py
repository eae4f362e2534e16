"""A server with few connections: workers get by with two, and give back what they do not need."""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dutiful import App, Task
from dutiful.cli.failure import Code
from dutiful.core.errors import EngineUnavailable
from dutiful.core.event import LeaseLost, WorkerJoined
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.servers.postgres import LocalServer, local_server
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.servers.postgres import programs
from tests.until import until
from tests.worker.support import Events

MOST = 20
WORKERS = 10
CLIENTS = "select count(*) from pg_stat_activity where application_name = 'dutiful'"
SESSIONS = "select sessions from pg_stat_database where datname = 'postgres'"


@pytest.fixture(scope="module")
def small() -> Iterator[LocalServer]:
    """A server with twenty connections in all."""
    with local_server(Path(tempfile.gettempdir()), programs=programs()) as server:
        server.stop("fast")
        server.settings["max_connections"] = str(MOST)
        server.start()
        yield server


@pytest.fixture
def observer(small: LocalServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(small.url(), autocommit=True) as connection:
        yield connection


def number(observer: psycopg.Connection, query: str) -> int:
    row = observer.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def another(url: str) -> psycopg.Connection | None:
    try:
        return psycopg.connect(url)
    except psycopg.OperationalError:
        return None


def fill(server: LocalServer, others: ExitStack) -> None:
    while (other := another(server.url())) is not None:
        others.enter_context(other)


@asynccontextmanager
async def workers(url: str, count: int, lease: Lease) -> AsyncIterator[list[Events]]:
    """So many workers as so many processes would be: each with an app of its own."""
    apps = [App(url) for _ in range(count)]
    events = [Events(app) for app in apps]
    for app in apps:
        app.task(work)
    running = [Worker(app, WorkerOptions(lease=lease)) for app in apps]
    tasks = [asyncio.create_task(worker.run()) for worker in running]
    try:
        yield events
    finally:
        for worker in running:
            worker.stop()
        await asyncio.gather(*tasks)
        for app in apps:
            await app.close()


async def work(number: int) -> int:
    return number


async def refused(
    task: Task[[int], Any, int], server: LocalServer, others: ExitStack
) -> EngineUnavailable | None:
    """Take every slot that is free, and tell what an enqueue says to it."""
    fill(server, others)
    try:
        await task.aenqueue(1)
    except EngineUnavailable as error:
        return error
    return None


async def test_ten_idle_workers_leave_room_for_others(
    small: LocalServer, observer: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dutiful.engines.postgres.connections.async_pool._ASK_SECONDS", 1.0)
    url = small.url(schema="connections_in_use")
    app = App(url, enqueue_patience="30s")
    task = app.task(work)
    lease = Lease(length=10 * SECOND, heartbeat=2 * SECOND)
    async with workers(url, WORKERS, lease) as events:
        await until(lambda: all(each.of(WorkerJoined) for each in events), 40)
        for number_ in range(5):
            assert await (await task.aenqueue(number_)).aresult(timeout=60) == number_
        await until(lambda: number(observer, CLIENTS) <= WORKERS + 4, 40)
        before = number(observer, SESSIONS)
        await asyncio.sleep(3)
        assert number(observer, SESSIONS) - before <= 2 * WORKERS
        handle = await task.aenqueue(7)
        assert await handle.aresult(timeout=60) == 7
    assert not any(each.of(LeaseLost) for each in events)
    await app.close()


async def test_a_worker_needs_two_connections(
    postgres: LocalServer, postgres_database: str
) -> None:
    name = f"two_{uuid4().hex[:8]}"
    url = f"{postgres_database.replace('postgres@', f'{name}@')}?schema=two"
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        connection.execute(
            sql.SQL("create role {} login connection limit 2").format(sql.Identifier(name))
        )
        connection.execute(
            sql.SQL("alter database {} owner to {}").format(database, sql.Identifier(name))
        )
    app = App(f"{postgres_database}?schema=two")
    task = app.task(work)
    async with workers(url, 1, Lease(length=10 * SECOND, heartbeat=SECOND)) as (events,):
        await until(lambda: events.of(WorkerJoined), 40)
        for number_ in range(3):
            assert await (await task.aenqueue(number_)).aresult(timeout=60) == number_
        await asyncio.sleep(3)  # in which the lease is renewed while nothing else is done
        assert await (await task.aenqueue(7)).aresult(timeout=60) == 7
    assert not events.of(LeaseLost)
    await app.close()
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(sql.SQL("reassign owned by {} to postgres").format(sql.Identifier(name)))
        connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


async def test_a_worker_on_a_full_server_keeps_its_lease(
    small: LocalServer, observer: psycopg.Connection
) -> None:
    url = small.url(schema="full")
    lease = Lease(length=SECOND, heartbeat=SECOND // 5)
    app = App(url, enqueue_patience="300ms")
    task = app.task(work)
    await task.aenqueue(0)
    await app.close()
    async with workers(url, 1, lease) as (events,):
        await until(lambda: events.of(WorkerJoined))
        with ExitStack() as others:
            fill(small, others)
            await asyncio.sleep(3 * lease.length / SECOND)
            async with asyncio.timeout(60):
                while (error := await refused(task, small, others)) is None:
                    await app.close()  # the worker gave back one more, which is the app's now
            assert "too many clients" in str(error)
        handle = await task.using(patience="20s").aenqueue(2)
        assert await handle.aresult(timeout=60) == 2
    assert not events.of(LeaseLost)
    await app.close()


def test_a_command_says_that_the_server_is_full(small: LocalServer) -> None:
    words = ("jobs", "list", "--url", small.url())
    with ExitStack() as others:
        fill(small, others)
        said = subprocess.run(
            [sys.executable, "-m", "dutiful", *words], capture_output=True, text=True, timeout=60
        )
    assert said.returncode == Code.STORE
    assert "too many clients" in said.stderr
    assert len(said.stderr.splitlines()) < 4
