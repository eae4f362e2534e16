"""Locks of other sessions cost nobody a lease, hold up no other job, and are named."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from dutiful import App
from dutiful.core.errors import EngineUnavailable
from dutiful.core.event import EngineTroubled, LeaseLost, SettlementsDelayed, WorkerLost
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.lease import Lease
from dutiful.core.outcome import Failed, Succeeded
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.engines.postgres import PostgresEngine
from dutiful.testing.conformance.moves import add, end, ending, hand, look, one, take
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.until import until
from tests.worker.support import Events

LEASE = Lease(length=SECOND, heartbeat=SECOND // 5)
TABLE = "lock table dutiful.job in access exclusive mode"


@pytest.fixture
def foreign(postgres_database: str) -> Iterator[psycopg.Connection]:
    """Somebody else's session."""
    with psycopg.connect(postgres_database, application_name="report") as connection:
        yield connection


@pytest.fixture
def shop(postgres_database: str) -> App:
    """An app beside which the foreign session works."""
    return App(postgres_database)


@contextmanager
def locked(foreign: psycopg.Connection, statement: str) -> Iterator[int]:
    """Hold a lock; the number is that of the session's process."""
    foreign.execute(statement.encode())
    try:
        yield foreign.info.backend_pid
    finally:
        foreign.rollback()


def row(job_id: str) -> str:
    return f"select from dutiful.job where id = '{job_id}' for update"


async def test_a_lock_on_the_jobs_costs_no_lease(shop: App, foreign: psycopg.Connection) -> None:
    events, starts, go = Events(shop), list[int](), asyncio.Event()

    @shop.task
    async def work(number: int) -> None:
        starts.append(number)
        await go.wait()

    first = await work.aenqueue(1)
    worker = Worker(shop, WorkerOptions(lease=LEASE))
    running = asyncio.create_task(worker.run())
    await until(lambda: starts)
    with locked(foreign, TABLE):
        await asyncio.sleep(3 * LEASE.length / SECOND)
        go.set()
    await first.aresult(timeout=60)
    worker.stop()
    await running
    await shop.close()
    assert starts == [1]
    assert not events.of(LeaseLost)
    assert not events.of(WorkerLost)


async def test_a_renewal_tells_of_no_cancel_while_the_jobs_are_locked(
    engine: PostgresEngine, foreign: psycopg.Connection
) -> None:
    job_id = await add(engine)
    await one(engine)
    assert await engine.controller.cancel([job_id]) == (job_id,)
    with locked(foreign, TABLE):
        async with asyncio.timeout(20):
            renewal = await engine.leases.renew("w1")
        assert (renewal.valid, renewal.cancels, renewal.calm) == (True, (), False)
    assert (await engine.leases.renew("w1")).cancels == (job_id,)


@pytest.mark.parametrize("outcome", [Succeeded(), Failed("Error", "no")])
async def test_a_lock_on_one_job_delays_its_own_end_alone(
    engine: PostgresEngine, foreign: psycopg.Connection, outcome: Succeeded | Failed
) -> None:
    ids = [await add(engine) for _ in range(3)]
    settlements = [ending(claim, outcome) for claim in await take(engine, 3)]
    middle = [item for item in settlements if item.claim.job.id == ids[1]]
    with locked(foreign, row(ids[1])) as process:
        async with asyncio.timeout(20):
            answer = await engine.consumer.exchange("w1", settlements, None)
            again = await engine.consumer.exchange("w1", middle, None)
        assert (answer.delayed, answer.refused) == ((ids[1],), ())
        assert f"session {process}, report" in answer.locked_by
        assert again.delayed == (ids[1],)
        assert (await look(engine, ids[1])).state.word == "running"
    answer = await engine.consumer.exchange("w1", middle, None)
    assert (answer.delayed, answer.refused) == ((), ())
    states = {(await look(engine, job_id)).state.word for job_id in ids}
    assert states == {"succeeded" if isinstance(outcome, Succeeded) else "scheduled"}


async def test_who_holds_the_lock_is_named_and_not_who_waits_for_it(
    engine: PostgresEngine, foreign: psycopg.Connection, postgres_database: str
) -> None:
    await add(engine)
    claim = await one(engine)
    key = "insert into dutiful.queue values ('other', 1) on conflict do nothing"
    waiters = [
        await psycopg.AsyncConnection.connect(
            postgres_database, application_name="waiter", autocommit=True
        )
        for _ in range(8)
    ]
    waiting = "select from pg_locks where locktype = 'transactionid' and not granted"
    with locked(foreign, row(claim.job.id)) as process:
        foreign.execute(key.encode())
        tasks = [asyncio.create_task(waiter.execute(key.encode())) for waiter in waiters]
        await until(lambda: foreign.execute(waiting.encode()).rowcount == len(waiters))
        answer = await engine.consumer.exchange("w1", [ending(claim, Succeeded())], None)
        assert f"session {process}, report" in answer.locked_by
    await asyncio.gather(*tasks)
    for waiter in waiters:
        await waiter.close()


async def test_a_worker_goes_on_while_one_end_waits(shop: App, foreign: psycopg.Connection) -> None:
    events, go = Events(shop), asyncio.Event()

    @shop.task
    async def held() -> None:
        await go.wait()

    @shop.task
    async def other(number: int) -> int:
        return number

    handle = await held.aenqueue()
    worker = Worker(shop, WorkerOptions(concurrency=4))
    running = asyncio.create_task(worker.run())
    await until(lambda: worker._registration and worker._registration.executor.running)
    with locked(foreign, row(handle.id)):
        go.set()
        for number in range(4):
            assert await (await other.aenqueue(number)).aresult(timeout=60) == number
            await asyncio.sleep(0.5)
        assert await handle.astatus() == "running"
    await handle.aresult(timeout=60)
    worker.stop()
    await running
    await shop.close()
    assert [event.job_ids for event in events.of(SettlementsDelayed)] == [(handle.id,)]
    assert not events.of(EngineTroubled)


async def test_a_stop_waits_for_a_locked_end_within_its_grace(
    shop: App, foreign: psycopg.Connection
) -> None:
    events, go = Events(shop), asyncio.Event()

    @shop.task
    async def held() -> None:
        await go.wait()

    handle = await held.aenqueue()
    worker = Worker(shop, WorkerOptions())
    running = asyncio.create_task(worker.run())
    await until(lambda: worker._registration and worker._registration.executor.running)
    with locked(foreign, row(handle.id)):
        go.set()
        await until(lambda: events.of(SettlementsDelayed))
        worker.stop()
        await asyncio.sleep(0.5)
        assert not running.done()
    await running
    assert await handle.astatus() == "succeeded"
    await shop.close()


async def test_a_command_under_a_lock_says_who_holds_it(
    engine: PostgresEngine, foreign: psycopg.Connection
) -> None:
    job_id = await add(engine)
    with locked(foreign, row(job_id)) as process:
        async with asyncio.timeout(20):
            with pytest.raises(EngineUnavailable, match=f"session {process} .*report"):
                await engine.controller.cancel([job_id])
    assert await engine.controller.cancel([job_id]) == (job_id,)


async def test_a_lock_on_a_schedule_is_named_and_holds_up_no_other(
    engine: PostgresEngine, foreign: psycopg.Connection
) -> None:
    for name in ("locked", "free"):
        await engine.schedules.put_schedule(
            Schedule(name=name, task="t", rule=Interval(MINUTE)), replace=False
        )
    row_ = "select from dutiful.schedule where name = 'locked' for update"
    with locked(foreign, row_) as process:
        async with asyncio.timeout(20):
            assert await engine.schedules.switch(["free"], "pause") == ("free",)
            with pytest.raises(EngineUnavailable, match=f"session {process} .*report"):
                await engine.schedules.switch(["locked"], "pause")


async def test_a_lock_on_one_worker_lets_the_others_be_judged(
    engine: PostgresEngine, foreign: psycopg.Connection
) -> None:
    await engine.fleet.join(hand("w2"))
    with locked(foreign, "select from dutiful.worker where id = 'w1' for update"):
        async with asyncio.timeout(20):
            assert await engine.fleet.expire(["w1", "w2"]) == ("w2",)
            await engine.fleet.abandoned(10)
    await add(engine)
    assert await end(engine, await one(engine), Succeeded())
