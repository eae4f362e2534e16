"""A worker whose jobs the server keeps for it as long as it is connected: it renews nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dutiful import App, Context, Retry
from dutiful.core.event import ClaimsRefused, JobDied, LeaseLost, Settled, WorkerJoined
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.core.state import State
from dutiful.testing.broker import BrokerQueues
from dutiful.testing.broker_connected import ConnectedBroker
from dutiful.testing.broker_faults import BrokerFault
from tests.until import until
from tests.worker.support import Events, burst, serving

QUICK = Lease(length=400_000, heartbeat=50_000)


@pytest.fixture
def queues() -> BrokerQueues:
    return BrokerQueues()


@pytest.fixture
def engine(queues: BrokerQueues) -> ConnectedBroker:
    return ConnectedBroker(queues)


@pytest.fixture
def app(engine: ConnectedBroker) -> App:
    return App(engine=engine)


async def test_jobs_of_all_kinds_run(app: App, queues: BrokerQueues) -> None:
    ran: list[str] = []

    @app.task
    async def on_loop() -> None:
        ran.append("loop")

    @app.task
    def in_thread() -> None:
        ran.append("thread")

    ids = {(await on_loop.aenqueue()).id for _ in range(25)}
    ids |= {(await in_thread.aenqueue()).id for _ in range(25)}
    await burst(app, concurrency=4)
    assert (ran.count("loop"), ran.count("thread")) == (25, 25)
    assert dict(queues.ended) == dict.fromkeys(ids, State.SUCCEEDED)


async def test_a_failed_attempt_is_tried_again(app: App, queues: BrokerQueues) -> None:
    seen: list[int] = []

    @app.task(retry=Retry(max_attempts=3, delay="1ms"))
    async def fails(ctx: Context) -> None:
        seen.append(ctx.attempt)
        raise ValueError("no")

    died = Events(app)
    await fails.aenqueue()
    async with serving(app):
        await until(lambda: died.of(JobDied))
    assert seen == [1, 2, 3]
    assert [state for _, state in queues.ended] == [State.DEAD]


async def test_a_job_needs_no_renewal(app: App, queues: BrokerQueues) -> None:
    """It runs for longer than a lease would last, and its end is settled by it."""
    starts: list[int] = []

    @app.task
    async def long(ctx: Context) -> None:
        starts.append(ctx.attempt)
        await asyncio.sleep(2 * QUICK.length / SECOND)

    events = Events(app)
    await long.aenqueue()
    other = App(engine=ConnectedBroker(queues))
    other.task(name=long.name)(long.fn)
    async with serving(app, lease=QUICK), serving(other, lease=QUICK):
        await until(lambda: queues.ended)
    assert starts == [1]
    assert not events.of(LeaseLost)


@pytest.mark.parametrize("slots", [1, 2], ids=["busy", "idle"])
async def test_a_worker_whose_connection_breaks_stops_its_jobs_and_joins_again(
    slots: int, app: App, engine: ConnectedBroker, queues: BrokerQueues
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()
    attempts: list[int] = []

    @app.task
    async def work(ctx: Context) -> None:
        attempts.append(ctx.attempt)
        if ctx.attempt > 1:
            return
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise

    events = Events(app)
    await work.aenqueue()
    async with serving(app, concurrency=slots, lease=QUICK):
        await begun.wait()
        engine.connection.disconnect()
        await stopped.wait()
        await until(lambda: queues.ended)
    assert attempts == [1, 2]
    assert events.of(LeaseLost)[0].stopped == 1
    assert len(events.of(WorkerJoined)) == 2


async def test_the_end_of_a_job_whose_connection_broke_is_refused(
    app: App, engine: ConnectedBroker, queues: BrokerQueues
) -> None:
    begun, freed = asyncio.Event(), asyncio.Event()
    attempts: list[int] = []

    @app.task
    async def work(ctx: Context) -> None:
        attempts.append(ctx.attempt)
        begun.set()
        await freed.wait()

    events = Events(app)
    job = await work.aenqueue()
    async with serving(app, concurrency=1):  # it asks for nothing while the job runs
        await begun.wait()
        engine.connection.disconnect()
        freed.set()
        await until(lambda: queues.ended)
    assert attempts == [1, 2]
    refused, settled = [event for event in events if isinstance(event, ClaimsRefused | Settled)]
    assert isinstance(refused, ClaimsRefused)
    assert refused.job_ids == (job.id,)
    assert isinstance(settled, Settled)


@pytest.mark.parametrize("seed", range(6))
async def test_every_job_ends_under_faults(seed: int) -> None:
    """A reply that is lost breaks the connection, and all that was delivered on it comes back."""
    queues = BrokerQueues(seed=seed)
    apps = [App(engine=ConnectedBroker(queues)) for _ in range(2)]
    ran: set[int] = set()

    async def work(number: int, ctx: Context) -> None:
        await asyncio.sleep(0.001 * (number % 5))
        if number % 7 == 0 and ctx.attempt == 1:
            raise ValueError("once")
        ran.add(number)

    retry = Retry(delay="1ms", cap="5ms", max_attempts=1000)
    tasks = [app.task(name="work", retry=retry)(work) for app in apps]
    await apps[0].aenqueue_many(tasks[0].job(number) for number in range(40))
    queues.faults.rates.update(
        {
            BrokerFault.UNAVAILABLE: 0.05,
            BrokerFault.LOST_REPLY: 0.05,
            BrokerFault.ENTRY: 0.05,
            BrokerFault.DUPLICATE: 0.1,
            BrokerFault.EMPTY: 0.1,
        }
    )
    options: dict[str, Any] = {"lease": QUICK, "concurrency": 4, "grace": 0}
    async with serving(apps[0], **options), serving(apps[1], **options):
        await until(lambda: not queues.messages)
        queues.faults.rates.clear()
    assert ran == set(range(40))
    assert {state for _, state in queues.ended} == {State.SUCCEEDED}
