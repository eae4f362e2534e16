"""Jobs inside transactions of every library, level and form: committed and heard of, or refused."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from dutiful import EngineUnavailable, UsageError, unique
from dutiful.engines.postgres import PostgresEngine, notifier
from dutiful.servers.postgres import LocalServer, local_server
from dutiful.testing.conformance.moves import add, new
from tests.engines.postgres.ways import AUTOCOMMIT, LEVELS, WAYS, Way
from tests.servers.postgres import programs
from tests.until import until

WAKE_SECONDS = 0.1
TRIES = 4
FORMS = ("plain", "savepoints", "prepared")


@pytest.fixture(scope="module")
def two_phase() -> Iterator[LocalServer]:
    """A server that allows transactions to be prepared, as few do."""
    settings = {"max_prepared_transactions": "10"}
    with local_server(
        Path(tempfile.gettempdir()), programs=programs(), settings=settings
    ) as server:
        yield server


class Bench:
    """A store with somebody who waits for work and hears of it by notifications alone."""

    def __init__(self, engine: PostgresEngine, url: str, server: psycopg.Connection) -> None:
        self.engine = engine
        self.url = url
        self.server = server

    @asynccontextmanager
    async def way(self, kind: str, level: str, *, read_only: bool = False) -> AsyncIterator[Way]:
        way = WAYS[kind](self.engine, self.url, level, read_only=read_only)
        try:
            await way.begin()
            yield way
        finally:
            with suppress(Exception):  # the connection of a transaction that was prepared
                await way.close()

    @asynccontextmanager
    async def sleeping(self) -> AsyncIterator[asyncio.Task[None]]:
        """Somebody who has lain down."""
        task = asyncio.create_task(self.engine.consumer.wait(["default"], 60))
        for _ in range(4000):
            if self.server.execute("SELECT FROM dutiful.listener").fetchall():
                break
            await asyncio.sleep(0.005)
        yield task
        task.cancel()
        await asyncio.wait([task])

    def watcher(self) -> int | None:
        """Return the session that watches for the ends of prepared transactions."""
        row = self.server.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
            "AND (classid::bigint << 32 | objid::bigint) "
            "= hashtextextended('dutiful prepared dutiful', 0)"
        ).fetchone()
        return None if row is None else int(row[0])

    def jobs(self) -> int:
        """Count the jobs that are committed, and take them away."""
        return self.server.execute("DELETE FROM dutiful.job").rowcount


@pytest.fixture
async def bench(two_phase: LocalServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(notifier, "_AGAIN_SECONDS", ())
    engine = PostgresEngine(two_phase.url())
    await engine.open()
    await engine.consumer.wait(["default"], 0.05)
    with psycopg.connect(two_phase.url(), autocommit=True) as server:
        bench = Bench(engine, two_phase.url(), server)
        bench.jobs()
        yield bench
    await engine.close()


async def cell(bench: Bench, kind: str, level: str, form: str, *, idle: bool) -> float:
    """Commit one job in one form; return the seconds until who slept has heard of it."""
    async with bench.way(kind, level) as way:
        await way.execute("SELECT count(*) FROM pg_class")  # the snapshot sees nobody asleep yet
        if not idle:
            await committed(bench, way, form)
            assert bench.jobs() == 1
            return 0.0
        async with bench.sleeping() as listener:
            await committed(bench, way, form)
            began = time.monotonic()
            async with asyncio.timeout(60):
                await listener
            took = time.monotonic() - began
    assert bench.jobs() == 1
    return took


async def committed(bench: Bench, way: Way, form: str) -> None:
    if form == "savepoints":
        await way.execute("SAVEPOINT undone")
        await way.enqueue(new())
        await way.execute("ROLLBACK TO SAVEPOINT undone")
        await way.execute("SAVEPOINT ours")
    await way.enqueue(new())
    if form == "savepoints":
        await way.execute("RELEASE SAVEPOINT ours")
    if form == "prepared":
        await way.execute("PREPARE TRANSACTION 'ours'")
        await asyncio.to_thread(bench.server.execute, "COMMIT PREPARED 'ours'")
    else:
        await way.commit()


async def usual(bench: Bench) -> float:
    """Return how long a wake-up takes on this machine at present, from a plain enqueue."""
    async with bench.sleeping() as listener:
        began = time.monotonic()
        await add(bench.engine)
        await listener
        took = time.monotonic() - began
    bench.jobs()
    return took


@pytest.mark.slow
@pytest.mark.parametrize("kind", WAYS)
async def test_a_commit_is_heard_of(bench: Bench, kind: str) -> None:
    """Within 100 ms; on a busy machine, within four times what a plain enqueue takes there."""
    for level, form in cells(WAYS[kind]):
        for left in reversed(range(TRIES)):
            took = await cell(bench, kind, level, form, idle=True)
            if took <= WAKE_SECONDS or took <= 4 * await usual(bench):
                break
            assert left, f"{kind}, {level}, {form}: heard of after {took:.3f} s"
        if form in ("plain", "prepared"):
            await cell(bench, kind, level, form, idle=False)


def cells(way: type[Way]) -> list[tuple[str, str]]:
    """List the levels and forms to try: of what only wraps another way, the ends of each."""
    if way.wraps:
        return [(way.levels[0], "plain"), ("SERIALIZABLE", "plain"), ("SERIALIZABLE", "prepared")]
    lowest = [(level, "plain") for level in way.levels if level == "READ UNCOMMITTED"]
    return lowest + [(level, form) for level in LEVELS[1:] for form in FORMS]


@pytest.mark.parametrize("kind", WAYS)
async def test_what_cannot_be_joined_is_refused_in_words(bench: Bench, kind: str) -> None:
    own = WAYS[kind].own_errors
    async with bench.way(kind, "READ COMMITTED", read_only=True) as way:
        with pytest.raises((UsageError, *own), match="read-only"):
            await way.enqueue(new())
    async with bench.way(kind, "READ COMMITTED") as way:
        with pytest.raises(Exception, match="division by zero"):
            await way.execute("SELECT 1 / 0")
        with pytest.raises((UsageError, *own), match=r"failed already|aborted"):
            await way.enqueue(new())
    async with bench.way(kind, AUTOCOMMIT) as way:
        if kind in ("django", "sql"):  # as every statement there
            await way.enqueue(new())
            assert bench.jobs() == 1
        else:
            with pytest.raises(UsageError, match="no transaction open"):
                await way.enqueue(new())
    way = WAYS[kind](bench.engine, bench.url, "READ COMMITTED", read_only=False)
    await way.begin()
    await way.execute("SELECT 1")
    await way.close()
    assert bench.jobs() == 0


async def heard(bench: Bench, enqueue: Callable[[], Awaitable[None]]) -> None:
    async with bench.sleeping() as listener:
        await enqueue()
        async with asyncio.timeout(60):
            await listener
    assert bench.jobs() == 1


async def test_two_phases_of_the_libraries_own(bench: Bench) -> None:
    with psycopg.connect(bench.url) as plain:

        async def by_psycopg() -> None:
            plain.tpc_begin("ours")
            bench.engine.caller_producer.enqueue_on(plain, [new()])
            plain.tpc_prepare()
            await asyncio.sleep(0.2)  # so long that the watch has seen it wait
            plain.tpc_commit()

        await heard(bench, by_psycopg)
    engine = create_engine(bench.url.replace("://", "+psycopg://"))
    with Session(engine, twophase=True) as session:

        async def by_session() -> None:
            bench.engine.caller_producer.enqueue_on(session, [new()])
            session.commit()

        await heard(bench, by_session)
    engine.dispose()


async def test_one_process_watches_and_another_takes_over(bench: Bench) -> None:
    other = PostgresEngine(bench.url)
    await other.open()
    await other.consumer.wait(["elsewhere"], 0.05)
    first = bench.watcher()
    await bench.engine.close()
    bench.engine = other
    await until(lambda: bench.watcher() not in (None, first))
    await cell(bench, "psycopg", "READ COMMITTED", "prepared", idle=True)
    await other.close()


@pytest.mark.parametrize("level", LEVELS[2:])
async def test_no_conflict_comes_from_us(bench: Bench, level: str) -> None:
    """While others enqueue, and are heard of by one who wakes and lies down all the time."""
    stop = asyncio.Event()

    async def traffic() -> None:
        while not stop.is_set():
            await add(bench.engine)

    async def dozing() -> None:
        while not stop.is_set():
            bench.jobs()
            await bench.engine.consumer.wait(["default"], 0.05)

    others = [asyncio.create_task(traffic()), asyncio.create_task(dozing())]
    try:
        for _ in range(10):
            async with bench.way("psycopg-async", level) as way:
                await way.execute("SELECT count(*) FROM pg_class")
                await asyncio.sleep(0.01)
                await way.enqueue(new())
                await way.commit()
    finally:
        stop.set()
        await asyncio.gather(*others)


async def test_a_key_that_was_taken_meanwhile_is_told_as_what_it_is(bench: Bench) -> None:
    rule = unique("order:1")
    for kind in ("psycopg", "asyncpg", "sqlalchemy"):
        bench.jobs()
        async with bench.way(kind, "REPEATABLE READ") as way:
            await way.execute("SELECT count(*) FROM pg_class")
            await bench.engine.producer.enqueue([new(unique=rule)])
            with pytest.raises(EngineUnavailable, match="run it again"):
                await way.enqueue(new(unique=rule))
