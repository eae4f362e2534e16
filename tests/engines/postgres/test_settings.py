"""What a database or a role presets changes nothing for our own connections."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from dutiful import App
from dutiful.core.errors import EngineUnavailable
from dutiful.core.outcome import Failed, Succeeded
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import add, end, hand, one
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.until import until

HOSTILE = {
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "300ms",
    "lock_timeout": "300ms",
    "idle_in_transaction_session_timeout": "300ms",
    "idle_session_timeout": "300ms",
    "synchronous_commit": "off",
    "row_security": "off",
    "standard_conforming_strings": "off",
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Pacific/Kiritimati",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "enable_indexscan": "off",
    "enable_nestloop": "off",
    "plan_cache_mode": "force_custom_plan",
}


@pytest.fixture
async def hostile(postgres_database: str) -> AsyncIterator[PostgresEngine]:
    """An engine in a database that presets all that could harm."""
    name = postgres_database.rpartition("/")[2]
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        for setting, value in HOSTILE.items():
            connection.execute(f"alter database {name} set {setting} = '{value}'".encode())
    engine = PostgresEngine(postgres_database)
    await engine.open()
    await engine.fleet.join(hand("w1"))
    yield engine
    await engine.close()


async def test_a_hostile_database_changes_nothing(hostile: PostgresEngine) -> None:
    ids = [await add(hostile) for _ in range(4)]
    assert await end(hostile, await one(hostile), Succeeded())
    assert await end(hostile, await one(hostile), Failed("Error", "no"))
    assert (await hostile.leases.renew("w1")).valid
    await hostile.consumer.wait(["default"], 0.1)
    await hostile.controller.cancel(ids[2:3])
    assert hostile.sync_producer.enqueue_sync([]) == ()
    counts = (await hostile.inspector.queues())[0].counts
    assert {state.word: count for state, count in counts.items() if count} == {
        "succeeded": 1,
        "scheduled": 1,
        "cancelled": 1,
        "queued": 1,
    }


async def test_many_at_once_meet_no_conflict_of_a_stricter_isolation(
    hostile: PostgresEngine,
) -> None:
    other = PostgresEngine(hostile.session.address.conninfo)
    await other.fleet.join(hand("w2"))
    for _ in range(60):
        await add(hostile)

    async def work(engine: PostgresEngine, worker: str) -> None:
        for _ in range(30):
            await end(engine, await one(engine, worker=worker), Succeeded(), worker=worker)

    await asyncio.gather(work(hostile, "w1"), work(other, "w2"))
    await other.close()


async def test_workers_meet_no_trouble_and_tell_none(
    hostile: PostgresEngine, caplog: pytest.LogCaptureFixture
) -> None:
    apps = [App(hostile.session.address.conninfo) for _ in range(3)]
    ran: list[int] = []

    async def note(number: int) -> None:
        ran.append(number)

    for app in apps:
        app.task(note)
    await apps[0].aenqueue_many(apps[0].tasks["note"].job(number) for number in range(300))
    workers = [Worker(app, WorkerOptions(concurrency=8)) for app in apps]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    await until(lambda: len(ran) == 300)
    for worker in workers:
        worker.stop()
    await asyncio.gather(*running)
    for app in apps:
        await app.close()
    assert sorted(ran) == list(range(300))
    assert [record.message for record in caplog.records if record.levelname != "INFO"] == []


async def test_a_tasks_transaction_is_as_strict_as_its_url_asks(hostile: PostgresEngine) -> None:
    url = hostile.session.address.conninfo
    asked = f"{url}?options=-c%20default_transaction_isolation%3Dserializable"
    stricter = PostgresEngine(asked)
    for engine, level in ((hostile, "read committed"), (stricter, "serializable")):
        await add(hostile)
        claim = await one(hostile)
        transaction = engine.transactional.transaction(claim)
        connection = transaction.begin()
        assert connection.execute("show transaction_isolation").fetchone() == (level,)
        transaction.rollback()
        awaited = engine.transactional.atransaction(claim)
        found = await (await awaited.abegin()).execute("show transaction_isolation")
        assert await found.fetchone() == (level,)
        await awaited.arollback()
    await stricter.close()


async def test_what_was_acknowledged_is_on_the_disk(hostile: PostgresEngine) -> None:
    with hostile.session.pool.connection() as connection:
        for name, wanted in (
            ("synchronous_commit", "on"),
            ("transaction_isolation", "read committed"),
            ("idle_session_timeout", "0"),
            ("statement_timeout", "27s"),
            ("lock_timeout", "5s"),
        ):
            assert connection.execute(f"show {name}".encode()).fetchone() == (wanted,)
    found = {finding.name: finding for finding in await hostile.check()}
    assert "synchronous_commit off" in found["durability"].text


async def test_a_stronger_commit_and_what_the_url_asks_for_stand(postgres_database: str) -> None:
    name = postgres_database.rpartition("/")[2]
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(f"alter database {name} set synchronous_commit = local".encode())
    engine = PostgresEngine(f"{postgres_database}?options=-c%20statement_timeout%3D1234")
    await engine.open()
    with engine.session.pool.connection() as connection:
        assert connection.execute("show synchronous_commit").fetchone() == ("local",)
        assert connection.execute("show statement_timeout").fetchone() == ("1234ms",)
    await engine.close()


async def test_a_database_that_takes_no_writes_is_waited_for(postgres_database: str) -> None:
    """Somebody freezes it for a switch to another server: to write on would lose jobs."""
    engine = PostgresEngine(postgres_database)
    await engine.open()
    name = postgres_database.rpartition("/")[2]
    await engine.close()
    with psycopg.connect(postgres_database, autocommit=True) as connection:
        connection.execute(f"alter database {name} set default_transaction_read_only = on".encode())
        with pytest.raises(EngineUnavailable, match="default_transaction_read_only"):
            await add(engine)
        connection.execute(f"alter database {name} reset default_transaction_read_only".encode())
    await engine.close()
    assert await add(engine)
    await engine.close()
