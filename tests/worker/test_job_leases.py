"""A worker on a broker: each job has a lease of its own, and no store knows the worker."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from dutiful import App, Context, Retry
from dutiful.core.event import ClaimsRefused, JobDied, LeaseLost, Notice, Settled
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.core.state import State
from dutiful.testing.broker import BrokerQueues, PoorBroker
from dutiful.testing.broker_faults import BrokerFault
from dutiful.worker.worker import Worker
from tests.until import until
from tests.worker.support import SHORT, Events, burst, serving

QUICK = Lease(length=400_000, heartbeat=50_000)
"""Whose leases are over soon."""


def app_on(queues: BrokerQueues, visibility: int = 400_000, **settings: Any) -> App:
    return App(engine=PoorBroker(queues, visibility=visibility), **settings)


@pytest.fixture
def queues() -> BrokerQueues:
    return BrokerQueues()


@pytest.fixture
def app(queues: BrokerQueues) -> App:
    return app_on(queues)


async def all_ended(queues: BrokerQueues, count: int = 1) -> list[tuple[str, State]]:
    await until(lambda: len(queues.ended) >= count and not queues.messages)
    return queues.ended


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


async def test_no_job_is_delivered_before_there_is_a_slot_for_it(
    app: App, queues: BrokerQueues
) -> None:
    """A job that waits here has spent a delivery, and may be given back."""
    attempts: list[int] = []
    waited: list[int] = []

    @app.task
    async def short(ctx: Context) -> None:
        attempts.append(ctx.attempt)
        waited.append(len(executor.waiting))
        await asyncio.sleep(0)

    async with serving(app, lease=SHORT, concurrency=3) as worker:
        await until(lambda: worker._registration)
        executor = worker._registration.executor  # type: ignore[union-attr]  # serves
        await app.aenqueue_many(short.job() for _ in range(60))
        await all_ended(queues, 60)
    assert attempts == [1] * 60
    assert max(waited) < 3  # those that start in the same turn


async def test_a_failed_attempt_is_tried_again_with_the_brokers_count(
    app: App, queues: BrokerQueues
) -> None:
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
    assert died.of(JobDied)[0].reason == "attempts-spent"
    assert [state for _, state in queues.ended] == [State.DEAD]


async def test_the_start_says_what_the_engine_cannot_do(app: App) -> None:
    events = Events(app)
    await burst(app)
    (notice,) = events.of(Notice)
    assert notice.text == (
        "the broker engine cannot know its workers, list and look up jobs, keep schedules, prune "
        "finished jobs, store results, record steps or commit a task's writes together with its "
        "completion; a job that is snoozed, put off since this worker cannot run it, or released "
        "as at shutdown, has spent an attempt"
    )


async def test_a_long_job_keeps_its_lease_though_it_blocks_the_loop(
    app: App, queues: BrokerQueues
) -> None:
    """The heartbeat has a thread of its own, so a body that hogs the loop costs no lease."""
    starts: list[int] = []

    @app.task
    async def long(ctx: Context) -> None:
        starts.append(ctx.attempt)
        threading.Event().wait(1.2)

    await long.aenqueue()
    async with serving(app, lease=QUICK), serving(app_on(queues), lease=QUICK):
        await all_ended(queues)
    assert starts == [1]


async def test_a_job_whose_worker_died_is_given_to_another(queues: BrokerQueues) -> None:
    """Nobody rescues: the broker gives the job out again when its lease is over."""
    dead = app_on(queues)
    begun, attempts = asyncio.Event(), list[int]()

    @dead.task(name="work")
    async def hangs() -> None:
        begun.set()
        await asyncio.Event().wait()

    lives = app_on(queues)

    @lives.task(name="work")
    async def work(ctx: Context) -> None:
        attempts.append(ctx.attempt)

    await hangs.aenqueue()
    worker = Worker(dead)
    running = asyncio.create_task(worker.run())
    await begun.wait()
    running.cancel()  # it settles nothing and renews nothing any more
    await asyncio.gather(running, return_exceptions=True)
    async with serving(lives, lease=QUICK):
        await all_ended(queues)
    assert attempts == [2]


async def test_a_job_that_kills_its_workers_ends(app: App, queues: BrokerQueues) -> None:
    """A dead worker settles nothing; only the count of deliveries can end the loop."""

    @app.task(retry=Retry(max_attempts=2))
    async def work() -> None:
        raise AssertionError("it must not start a third time")

    await work.aenqueue()
    for message in queues.messages.values():
        message.receives = 2
    events = Events(app)
    await burst(app)
    (died,) = events.of(JobDied)
    assert (died.reason, died.error.type) == ("attempts-spent", "WorkerLost")
    assert "delivered 3 times, and max_attempts is 2" in died.error.message


async def test_only_the_job_that_lost_its_lease_is_stopped(app: App, queues: BrokerQueues) -> None:
    begun, freed = asyncio.Event(), asyncio.Event()
    ends: list[str] = []

    @app.task
    async def work(name: str) -> None:
        if name == "taken":
            begun.set()
        try:
            await freed.wait()
        except asyncio.CancelledError:
            ends.append(f"{name} stopped")
            raise
        ends.append(name)

    events = Events(app)
    stolen = await work.aenqueue("taken")
    async with serving(app, lease=QUICK, concurrency=2):
        await begun.wait()
        kept = await work.aenqueue("kept")
        await until(lambda: all(one.receives for one in queues.messages.values()))
        _deliver_elsewhere(queues, stolen.id)
        await until(lambda: events.of(LeaseLost))
        await until(lambda: ends == ["taken stopped"])
        freed.set()
        await until(lambda: queues.ended)
    assert events.of(LeaseLost)[0].stopped == 1
    assert queues.ended == [(kept.id, State.SUCCEEDED)]
    assert [event.job_ids for event in events.of(ClaimsRefused)] == [(stolen.id,)]
    settled = [item.claim.job.id for event in events.of(Settled) for item in event.settlements]
    assert settled == [kept.id]


async def test_a_thread_that_goes_on_after_the_loss_settles_nothing(
    app: App, queues: BrokerQueues
) -> None:
    begun, free = threading.Event(), threading.Event()

    @app.task
    def work() -> None:
        begun.set()
        free.wait(30)

    events = Events(app)
    job = await work.aenqueue()
    async with serving(app, lease=QUICK):
        await until(begun.is_set)
        _deliver_elsewhere(queues, job.id)
        await until(lambda: events.of(LeaseLost))
        free.set()
        await until(lambda: events.of(ClaimsRefused))
    assert events.of(Settled) == []
    assert [one.body.id for one in queues.messages.values()] == [job.id]


async def test_a_worker_that_cannot_renew_stops_its_jobs(app: App, queues: BrokerQueues) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    @app.task
    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.set()
            raise

    await work.aenqueue()
    async with serving(app, lease=QUICK):
        await begun.wait()
        queues.faults.rates[BrokerFault.UNAVAILABLE] = 1.0
        async with asyncio.timeout(10):
            await stopped.wait()
        queues.faults.rates.clear()


async def test_no_body_begins_when_its_lease_was_lost_before(
    app: App, queues: BrokerQueues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reply to a claim may come when the lease is over, as after a freeze."""
    ran: list[int] = []
    exchange = app.store.exchange
    late = asyncio.Event()

    @app.task
    async def work(ctx: Context) -> None:
        ran.append(ctx.attempt)

    async def slow(*given: Any) -> Any:
        answer = await exchange(*given)
        if answer.claims and not late.is_set():
            late.set()
            await asyncio.sleep(QUICK.length / SECOND)
        return answer

    monkeypatch.setattr(app.store, "exchange", slow)
    await work.aenqueue()
    async with serving(app, lease=QUICK):
        await all_ended(queues)
    assert ran == [2]


async def test_a_job_that_is_delivered_twice_to_one_worker_runs_once(
    app: App, queues: BrokerQueues
) -> None:
    begun, freed = asyncio.Event(), asyncio.Event()
    ran: list[int] = []

    @app.task
    async def work(ctx: Context) -> None:
        ran.append(ctx.attempt)
        begun.set()
        await freed.wait()

    await work.aenqueue()
    async with serving(app, lease=SHORT, concurrency=4):
        await begun.wait()
        queues.faults.scripted[BrokerFault.DUPLICATE] = 1
        await until(lambda: any(one.receives == 2 for one in queues.messages.values()))
        freed.set()
        await all_ended(queues)
    assert ran == [1]


async def test_a_lost_reply_of_a_claim_comes_back_when_its_lease_is_over(
    app: App, queues: BrokerQueues
) -> None:
    ran: list[int] = []

    @app.task
    async def work(ctx: Context) -> None:
        ran.append(ctx.attempt)

    await work.aenqueue()
    queues.faults.scripted[BrokerFault.LOST_REPLY] = 1
    async with serving(app, lease=QUICK):
        await all_ended(queues)
    assert ran == [2]


async def test_a_job_released_at_shutdown_has_spent_an_attempt(
    app: App, queues: BrokerQueues
) -> None:
    begun = asyncio.Event()

    @app.task
    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    await work.aenqueue()
    async with serving(app, grace=0):
        await begun.wait()
    (message,) = queues.messages.values()
    assert message.receives == 1
    assert message.visible <= queues.clock.ticks()


@pytest.mark.parametrize("seed", range(12))
async def test_every_job_ends_under_faults(seed: int) -> None:
    """Faults of every kind strike at random; each job still runs, and its message is deleted."""
    queues = BrokerQueues(seed=seed)
    rates = {
        BrokerFault.UNAVAILABLE: 0.05,
        BrokerFault.LOST_REPLY: 0.05,
        BrokerFault.ENTRY: 0.05,
        BrokerFault.DUPLICATE: 0.1,
        BrokerFault.EMPTY: 0.1,
    }
    apps = [app_on(queues), app_on(queues)]
    ran: set[int] = set()

    async def work(number: int, ctx: Context) -> None:
        await asyncio.sleep(0.001 * (number % 5))
        if number % 7 == 0 and ctx.attempt == 1:
            raise ValueError("once")
        ran.add(number)

    tasks = [app.task(name="work", retry=Retry(delay="1ms", cap="5ms"))(work) for app in apps]
    await apps[0].aenqueue_many(tasks[0].job(number) for number in range(40))
    queues.faults.rates.update(rates)
    options: dict[str, Any] = {"lease": QUICK, "concurrency": 4}
    async with serving(apps[0], **options), serving(apps[1], **options):
        await until(lambda: not queues.messages)
        queues.faults.rates.clear()
    assert ran == set(range(40))
    assert {state for _, state in queues.ended} == {State.SUCCEEDED}


def _deliver_elsewhere(queues: BrokerQueues, job_id: str) -> None:
    """Give a job to a worker that is not there, for long: its older delivery is stale then."""
    with queues.lock:
        for message in queues.messages.values():
            if message.body.id == job_id:
                message.receipt = next(queues.numbers)
                message.receives += 1
                message.visible = queues.clock.ticks() + 3600 * SECOND
