"""Workers leave room for others where their role, or their database, may have few connections."""

import asyncio
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from dutiful import App
from dutiful.core.event import LeaseLost, WorkerJoined
from dutiful.engines.postgres.statements import bare
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.until import until
from tests.worker.support import Events

LIMIT, WORKERS = 6, 3


@pytest.fixture
def role(postgres_database: str) -> Iterator[str]:
    """A role of its own, which may do all in the database."""
    name = f"lim_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_database, autocommit=True) as server:
        called = sql.Identifier(name)
        server.execute(sql.SQL("create role {} login password 'lim'").format(called))
        database = sql.Identifier(urlsplit(postgres_database).path[1:])
        server.execute(sql.SQL("grant all on database {} to {}").format(database, called))
        yield name
        server.execute(sql.SQL("drop owned by {}").format(called))
        server.execute(sql.SQL("drop role {}").format(called))


def as_role(url: str, name: str) -> str:
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{name}:lim@{place}").geturl()


def crowd(url: str) -> list[tuple[int, int]]:
    with psycopg.connect(url, autocommit=True) as server:
        return server.execute(bare("connections_in_use").encode()).fetchall()


def limit(url: str, what: str, name: str, most: int) -> None:
    start = sql.SQL("alter role") if what == "role" else sql.SQL("alter database")
    text = sql.SQL("{} {} connection limit {}")
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(text.format(start, sql.Identifier(name), sql.Literal(most)))


def test_each_limit_has_a_count_of_its_own(postgres_database: str, role: str) -> None:
    database = urlsplit(postgres_database).path[1:]
    theirs = as_role(postgres_database, role)
    assert len(crowd(theirs)) == 1
    limit(postgres_database, "role", role, LIMIT)
    assert [most for _, most in crowd(theirs)[1:]] == [LIMIT]
    limit(postgres_database, "database", database, 9)
    with psycopg.connect(postgres_database), psycopg.connect(theirs):
        (ours, most), (all_here, most_here) = crowd(theirs)[1:]
        assert (most, most_here) == (LIMIT, 9)
        assert 2 <= ours < all_here
    assert len(crowd(postgres_database)) == 1  # no limit holds for a superuser
    limit(postgres_database, "database", database, -1)


@pytest.mark.slow
async def test_idle_workers_leave_room_for_others_of_their_role(
    postgres_database: str, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dutiful.engines.postgres.connections.async_pool._ASK_SECONDS", 1.0)
    url = as_role(postgres_database, role)
    async with App(url):
        pass  # the schema is made
    limit(postgres_database, "role", role, LIMIT)
    apps = [App(url) for _ in range(WORKERS)]
    events = [Events(app) for app in apps]
    running = [Worker(app, WorkerOptions()) for app in apps]
    tasks = [asyncio.create_task(worker.run()) for worker in running]
    await until(lambda: all(each.of(WorkerJoined) for each in events), 40)
    await until(lambda: _clients(postgres_database, role) <= WORKERS + 1, 25)
    for worker in running:
        worker.stop()
    await asyncio.gather(*tasks)
    for app in apps:
        await app.close()
    assert not any(each.of(LeaseLost) for each in events)


def _clients(url: str, role: str) -> int:
    with psycopg.connect(url) as server:
        found = server.execute(
            "select count(*) from pg_stat_activity where usename = %s", (role,)
        ).fetchone()
    assert found is not None
    return int(found[0])
