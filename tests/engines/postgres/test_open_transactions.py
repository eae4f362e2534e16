"""A transaction that is slow, fails or stays open keeps nobody else's job from being heard of."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from dutiful import unique
from dutiful.engines.postgres import PostgresEngine, notifier
from dutiful.servers.postgres import LocalServer, local_server
from dutiful.testing.conformance.moves import add, new
from tests.servers.postgres import programs
from tests.until import until

SOON_SECONDS = 1.5
"""Far below what the transactions here take, and far above what a busy machine needs."""

SLOW = """
create table public.shop (id int);
create function public.late() returns trigger language plpgsql as $$
begin
  perform pg_sleep(4);
  if new.id = 0 then raise exception 'refused at the commit'; end if;
  return null;
end $$;
create constraint trigger late after insert on public.shop deferrable initially deferred
  for each row execute function public.late();
"""


class Idle:
    """A store with one who sleeps, and hears of work by notifications alone."""

    def __init__(self, engine: PostgresEngine, server: psycopg.Connection) -> None:
        self.engine = engine
        self.server = server

    @asynccontextmanager
    async def sleeping(self) -> AsyncIterator["asyncio.Task[None]"]:
        task = asyncio.create_task(self.engine.consumer.wait(["default"], 60))
        await until(self.asleep)
        await asyncio.sleep(0.1)
        assert not task.done()
        yield task
        task.cancel()
        await asyncio.wait([task])

    def asleep(self) -> bool:
        return self.server.execute("select from dutiful.listener").fetchall() != []


async def heard(listener: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(SOON_SECONDS):
        await asyncio.shield(listener)


@pytest.fixture(autouse=True)
def by_notifications_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "_AGAIN_SECONDS", ())


@asynccontextmanager
async def idle_on(url: str) -> AsyncIterator[Idle]:
    engine = PostgresEngine(url)
    await engine.open()
    await engine.consumer.wait(["default"], 0.05)
    with psycopg.connect(url, autocommit=True) as server:
        yield Idle(engine, server)
    await engine.close()


@pytest.fixture
async def idle(postgres_database: str) -> AsyncIterator[Idle]:
    async with idle_on(postgres_database) as idle:
        yield idle


@pytest.fixture(scope="module")
def two_phase() -> Iterator[LocalServer]:
    """A server that allows transactions to be prepared."""
    settings = {"max_prepared_transactions": "10"}
    with local_server(
        Path(tempfile.gettempdir()), programs=programs(), settings=settings
    ) as server:
        yield server


@pytest.fixture
async def preparing(two_phase: LocalServer) -> AsyncIterator[Idle]:
    async with idle_on(two_phase.url()) as idle:
        idle.server.execute("delete from dutiful.job")
        yield idle


def caller(idle: Idle, *, python: bool) -> psycopg.Connection:
    """Return a transaction that has stored a job, with all constraints immediate."""
    connection = psycopg.connect(idle.engine.session.address.conninfo)
    connection.execute("set constraints all immediate")
    if python:
        idle.engine.caller_producer.enqueue_on(connection, [new()])
    else:
        connection.execute("select dutiful.enqueue('t')")
    return connection


@pytest.mark.parametrize("python", [False, True])
async def test_one_that_stays_open(idle: Idle, python: bool) -> None:
    async with idle.sleeping() as listener:
        with caller(idle, python=python):
            await add(idle.engine)
            await heard(listener)


@pytest.mark.parametrize("python", [False, True])
async def test_its_own_job_is_heard_of_by_who_lay_down_later(idle: Idle, python: bool) -> None:
    with caller(idle, python=python) as connection:
        async with idle.sleeping() as listener:
            connection.commit()
            await heard(listener)


@pytest.mark.parametrize("order", [0, 1])
async def test_one_whose_commit_is_slow_and_may_fail(idle: Idle, order: int) -> None:
    idle.server.execute(SLOW.encode())
    async with idle.sleeping() as listener:
        with psycopg.connect(idle.engine.session.address.conninfo) as connection:
            idle.engine.caller_producer.enqueue_on(connection, [new()])
            connection.execute("insert into public.shop values (%s)", (order,))
            commit = asyncio.create_task(asyncio.to_thread(connection.commit))
            await asyncio.sleep(0.5)
            assert idle.asleep()
            await add(idle.engine)
            await heard(listener)
            assert not commit.done()
            with suppress(psycopg.errors.RaiseException):
                await commit


async def test_one_of_ours_that_waits_for_the_holder_of_a_key(idle: Idle) -> None:
    rule = unique("order:1", on_conflict="replace")
    (receipt,) = await idle.engine.producer.enqueue([new(delay=3_600_000_000, unique=rule)])
    async with idle.sleeping() as listener:
        with psycopg.connect(idle.engine.session.address.conninfo) as other:
            other.execute("select from dutiful.job where id = %s for update", (receipt.id,))
            jobs = [new(), new(unique=rule)]
            waiting = asyncio.create_task(idle.engine.producer.enqueue(jobs))
            waits = "select from pg_locks where not granted"
            await until(lambda: idle.server.execute(waits).fetchall() != [])
            await add(idle.engine)
            await heard(listener)
            assert not waiting.done()
        plain, replacing = await waiting
        assert plain.created
        assert replacing.replaced


async def test_nothing_is_said_at_a_commit_while_nobody_sleeps(idle: Idle) -> None:
    idle.server.execute("delete from dutiful.listener")
    idle.server.execute('listen "dutiful:dutiful"')
    with psycopg.connect(idle.engine.session.address.conninfo) as connection:
        connection.execute("select dutiful.enqueue('t')")
        idle.engine.caller_producer.enqueue_on(connection, [new()])
    with psycopg.connect(idle.engine.session.address.conninfo, autocommit=True) as connection:
        connection.execute("select dutiful.enqueue('t')")
        connection.execute("select dutiful.enqueue(%s)", ("t",))
    assert list(idle.server.notifies(timeout=0.2)) == []


@pytest.mark.parametrize("python", [False, True])
async def test_it_can_be_prepared_though_constraints_are_immediate(
    preparing: Idle, python: bool
) -> None:
    async with preparing.sleeping() as listener:
        with caller(preparing, python=python) as connection:
            connection.execute("prepare transaction 'ours'")
        await asyncio.sleep(0.2)
        assert not listener.done()
        preparing.server.execute("commit prepared 'ours'")
        await heard(listener)


async def test_one_that_could_have_been_prepared_is_watched_to_its_end(preparing: Idle) -> None:
    async with preparing.sleeping() as listener:
        with caller(preparing, python=False) as connection:
            await asyncio.sleep(2.5)  # longer than what was counted is announced
            assert not listener.done()
            began = time.monotonic()
            connection.commit()
            await heard(listener)
            assert time.monotonic() - began < SOON_SECONDS
