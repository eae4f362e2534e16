"""Nobody is woken in vain while somebody else could have been: listeners that died do not count."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import add
from tests.until import until

SCRIPT = """
import asyncio, sys
from dutiful.engines.postgres import PostgresEngine

async def main():
    engine = PostgresEngine(sys.argv[1])
    await engine.open()
    while True:
        await engine.consumer.wait(["default"], 60)

asyncio.run(main())
"""

ALIVE = """
select count(*) from pg_locks join pg_database on pg_database.oid = pg_locks.database
where locktype = 'advisory' and datname = current_database()
"""


@pytest.fixture
def server(postgres_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres_database, autocommit=True) as server:
        yield server


@pytest.fixture
def others(postgres_database: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    command = [sys.executable, "-c", SCRIPT, postgres_database]
    others = [subprocess.Popen(command) for _ in range(3)]
    yield others
    for other in others:
        other.kill()
        other.wait()


def asleep(server: psycopg.Connection) -> list[int | None]:
    return [lock for (lock,) in server.execute("select lock from dutiful.listener order by ctid")]


@contextlib.asynccontextmanager
async def sleeping(
    engine: PostgresEngine, server: psycopg.Connection
) -> AsyncIterator["asyncio.Task[None]"]:
    """Somebody who waits to be woken, and has said so."""
    task = asyncio.create_task(engine.consumer.wait(["default"], 60))
    await until(lambda: engine.session.notifier._lock in asleep(server), what="it lies down")
    await asyncio.sleep(0.2)  # its second looks, for a job that was committed while it lay down
    yield task
    task.cancel()
    await asyncio.wait([task])


async def test_processes_that_were_killed_do_not_swallow_a_wake(
    engine: PostgresEngine, server: psycopg.Connection, others: list[subprocess.Popen[bytes]]
) -> None:
    await until(lambda: len(asleep(server)) == 3, what="three sleep")
    async with sleeping(engine, server) as listener:
        for other in others:
            other.kill()
            other.wait()
        await until(lambda: server.execute(ALIVE).fetchall() == [(1,)], what="the server notices")
        assert len(asleep(server)) == 4
        await add(engine)
        async with asyncio.timeout(60):
            await listener


async def test_the_dead_are_forgotten_by_the_next_who_listens(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    server.execute("insert into dutiful.listener values ('a', '{default}', 1), ('b', '{x}', 2)")
    async with sleeping(engine, server):
        mine = engine.session.notifier._lock
        assert mine not in (None, 1, 2)
        other = PostgresEngine(engine.session.address.conninfo)
        await other.consumer.wait(["other"], 0.5)
        assert mine in asleep(server)
        assert not {1, 2} & set(asleep(server))
        await other.close()


async def test_a_listener_of_an_older_release_is_woken(
    engine: PostgresEngine, server: psycopg.Connection
) -> None:
    server.execute('listen "dutiful:dutiful"')
    server.execute("insert into dutiful.listener (id, queues) values ('old', '{default}')")
    await add(engine)
    (notice,) = server.notifies(timeout=60, stop_after=1)
    assert notice.payload == "old"
    assert asleep(server) == []
