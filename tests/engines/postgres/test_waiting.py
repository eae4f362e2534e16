"""Who waits for another session's lock takes no connection from the others."""

import asyncio
from time import monotonic

import psycopg
import pytest

from dutiful import App, Context
from dutiful.core.event import EngineTroubled, SettlementsDelayed
from dutiful.core.unique import Unique
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import new
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.until import until
from tests.worker.support import Events

KEY = Unique(key="report:42")
SOON = 2.5
"""Less than a lock is waited for (5 s)."""


@pytest.fixture
async def others(engine: PostgresEngine, postgres_database: str) -> psycopg.AsyncConnection:
    """Another session, which has enqueued the key and not committed."""
    connection = await psycopg.AsyncConnection.connect(postgres_database)
    await engine.caller_producer.aenqueue_on(connection, [new(unique=KEY)])
    return connection


async def test_coroutines_that_wait_for_a_key_leave_room(
    engine: PostgresEngine, others: psycopg.AsyncConnection
) -> None:
    waiting = [asyncio.create_task(engine.producer.enqueue([new(unique=KEY)])) for _ in range(10)]
    await asyncio.sleep(0.5)
    began = monotonic()
    await engine.producer.enqueue([new()])
    assert monotonic() - began < SOON
    await others.close()
    receipts = [await one for one in waiting]
    assert sum(receipt.created for (receipt,) in receipts) == 1


async def test_threads_that_wait_for_a_key_leave_room(
    engine: PostgresEngine, others: psycopg.AsyncConnection
) -> None:
    def enqueue() -> int:
        return sum(one.created for one in engine.sync_producer.enqueue_sync([new(unique=KEY)]))

    waiting = [asyncio.create_task(asyncio.to_thread(enqueue)) for _ in range(5)]
    await asyncio.sleep(0.5)
    began = monotonic()
    await asyncio.to_thread(engine.sync_producer.enqueue_sync, [new()])
    assert monotonic() - began < SOON
    await others.close()
    assert sum([await one for one in waiting]) == 1


async def test_locked_steps_hold_up_no_claim_and_are_no_outage(postgres_database: str) -> None:
    shop, go, steps = App(postgres_database), asyncio.Event(), list[int]()
    events = Events(shop)

    async def given(number: int) -> int:
        return number

    @shop.task
    async def stepped(ctx: Context, number: int) -> None:
        await go.wait()
        await ctx.step("one", given, number)
        steps.append(number)

    @shop.task
    async def other() -> None: ...

    await shop.aenqueue_many([stepped.job(number) for number in range(12)])
    worker = Worker(shop, WorkerOptions(concurrency=16))
    running = asyncio.create_task(worker.run())
    await until(lambda: worker._registration and len(worker._registration.executor.running) == 12)
    async with await psycopg.AsyncConnection.connect(postgres_database) as foreign:
        await foreign.execute("SELECT FROM dutiful.job FOR UPDATE")
        go.set()
        await asyncio.sleep(1.0)
        for _ in range(4):
            began = monotonic()
            await (await other.aenqueue()).aresult(timeout=60)
            assert monotonic() - began < SOON
        assert not steps
        await until(lambda: len(events.of(SettlementsDelayed)) == 12)
        await foreign.rollback()
    await until(lambda: len(steps) == 12)
    worker.stop()
    await running
    await shop.close()
    assert not events.of(EngineTroubled)
    assert all("session" in event.locked_by for event in events.of(SettlementsDelayed))
