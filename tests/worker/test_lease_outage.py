"""What a worker does with jobs whose own leases end in an outage of the store."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from dutiful import App, Context, Retry
from dutiful.contract.engine import AttemptCounter
from dutiful.contract.roles.consumer import Exchanged
from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.core.event import (
    ClaimsRefused,
    EngineRecovered,
    EngineTroubled,
    JobDied,
    LeaseLost,
    Settled,
    SettlementsUnknown,
)
from dutiful.core.lease import Lease
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.testing.broker import BrokerConsumer, BrokerQueues, PoorBroker
from dutiful.testing.broker_faults import BrokerFault
from tests.until import until
from tests.worker.support import Events, serving

QUICK = Lease(length=400_000, heartbeat=50_000)


class CountingConsumer(BrokerConsumer):
    """Writes the attempts that the worker says, as a store of rows does."""

    def _settle(self, item: Settlement) -> bool:
        if (message := self._held(item.claim)) is not None:
            message.receives = item.attempt
        return super()._settle(item)


class Counting(PoorBroker):
    """Gives each job a lease of its own, and counts attempts as the worker says."""

    attempt_counter = AttemptCounter.STORE

    def __init__(self, queues: BrokerQueues, *, visibility: int) -> None:
        super().__init__(queues, visibility=visibility)
        self.consumer = self.leases = CountingConsumer(queues, visibility)


@pytest.fixture
def queues() -> BrokerQueues:
    return BrokerQueues()


@pytest.fixture
def app(queues: BrokerQueues) -> App:
    return App(engine=PoorBroker(queues, visibility=QUICK.length))


async def outage(queues: BrokerQueues, events: Events) -> None:
    """Let the broker be away until a lease has ended."""
    queues.faults.rates[BrokerFault.UNAVAILABLE] = 1.0
    await until(lambda: events.of(LeaseLost))
    queues.faults.rates.clear()


async def renewed(queues: BrokerQueues, times: int) -> None:
    """Wait until the lease of the one message was prolonged so often."""
    seen: set[int] = set()
    (message,) = queues.messages.values()

    def enough() -> bool:
        seen.add(message.visible)
        return len(seen) > times

    await until(enough)


@pytest.mark.parametrize("kind", [PoorBroker, Counting])
async def test_a_body_that_outlives_its_lease_takes_up_the_next_delivery(
    kind: type[PoorBroker], queues: BrokerQueues
) -> None:
    """A thread cannot be stopped: without a lease, each delivery here would spend an attempt."""
    app = App(engine=kind(queues, visibility=QUICK.length))
    begun, free = threading.Event(), threading.Event()
    ran: list[int] = []

    @app.task(retry=Retry(max_attempts=2))
    def work(ctx: Context) -> None:
        ran.append(ctx.attempt)
        begun.set()
        free.wait(30)

    events = Events(app)
    job = await work.aenqueue()
    async with serving(app, lease=QUICK, concurrency=2):
        await until(begun.is_set)
        await outage(queues, events)
        (message,) = queues.messages.values()
        await until(lambda: message.receives == 2)
        await renewed(queues, 12)  # for longer than a lease
        assert message.receives == 2
        free.set()
        await until(lambda: queues.ended)
    assert ran == [1]
    assert queues.ended == [(job.id, State.SUCCEEDED)]
    (settled,) = [item for event in events.of(Settled) for item in event.settlements]
    assert settled.attempt == (1 if kind is Counting else 2)


@pytest.mark.parametrize(("kind", "attempts"), [(PoorBroker, [1, 3]), (Counting, [1, 1])])
async def test_a_body_that_stops_late_gives_the_next_delivery_back(
    kind: type[PoorBroker], attempts: list[int], queues: BrokerQueues
) -> None:
    app = App(engine=kind(queues, visibility=QUICK.length))
    begun, stopping, stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
    ran: list[int] = []

    @app.task
    async def work(ctx: Context) -> None:
        ran.append(ctx.attempt)
        if len(ran) > 1:
            return
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopping.set()
            await stopped.wait()
            raise

    events = Events(app)
    await work.aenqueue()
    async with serving(app, lease=QUICK, concurrency=2):
        await begun.wait()
        await outage(queues, events)
        await stopping.wait()
        (message,) = queues.messages.values()
        await until(lambda: message.receives == 2)
        assert ran == [1]
        stopped.set()
        await until(lambda: queues.ended)
    assert ran == attempts


async def test_a_delayed_end_is_sent_by_the_next_delivery(app: App, queues: BrokerQueues) -> None:
    """By the older one it would end nothing, and the body would run again."""
    ran: list[int] = []

    @app.task
    async def work(ctx: Context) -> None:
        ran.append(ctx.attempt)
        queues.faults.scripted[BrokerFault.ENTRY] = 1
        queues.faults.scripted[BrokerFault.DUPLICATE] = 1

    await work.aenqueue()
    async with serving(app, lease=Lease(), concurrency=2):
        await until(lambda: queues.ended)
    assert ran == [1]


class Sent:
    """Counts the ends that reach the broker, and loses or refuses calls that have some."""

    def __init__(
        self, app: App, patch: pytest.MonkeyPatch, error: type[Exception] | None, late: bool
    ) -> None:
        self._exchange = app.store.engine.consumer.exchange
        self._error, self._late = error, late
        self.calls: list[int] = []
        patch.setattr(app.store.engine.consumer, "exchange", self.exchange)

    async def exchange(self, worker: str, ends: Sequence[Settlement], wanted: Any) -> Exchanged:
        if not ends:
            return await self._exchange(worker, ends, wanted)
        self.calls.append(len(ends))
        if self._late:
            await asyncio.sleep(QUICK.length / 1_000_000)
        if self._error is not None:
            raise self._error("away")
        return await self._exchange(worker, ends, wanted)


@pytest.mark.parametrize(
    ("error", "late", "reported"),
    [
        (EngineUnavailable, False, ClaimsRefused),
        (ReplyUnknown, False, SettlementsUnknown),
        (None, True, SettlementsUnknown),
    ],
)
async def test_an_end_that_was_not_answered_within_its_lease_is_not_reported_as_settled(
    error: type[Exception] | None,
    late: bool,
    reported: type[Any],
    app: App,
    queues: BrokerQueues,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, freed = asyncio.Event(), asyncio.Event()

    @app.task(retry=Retry(max_attempts=1))
    async def work() -> None:
        begun.set()
        await freed.wait()
        raise ValueError("no")

    events = Events(app)
    job = await work.aenqueue()
    async with serving(app, lease=QUICK):
        await begun.wait()
        sent = Sent(app, monkeypatch, error, late)
        freed.set()
        await until(lambda: events.of(reported))
        if error is not None:
            assert len(sent.calls) > 1
        monkeypatch.undo()
    assert events.of(reported)[0].job_ids == (job.id,)
    first = next(event for event in events if isinstance(event, Settled | reported))
    assert isinstance(first, reported)
    assert not [one for one in events.of(JobDied) if one.error.type == "ValueError"]


async def test_the_end_of_an_outage_is_reported_though_no_lease_is_left(
    app: App, queues: BrokerQueues
) -> None:
    begun = asyncio.Event()

    @app.task
    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    events = Events(app)
    await work.aenqueue()
    async with serving(app, lease=QUICK):
        await begun.wait()
        queues.faults.rates[BrokerFault.UNAVAILABLE] = 1.0
        await until(lambda: events.of(EngineTroubled) and events.of(LeaseLost))
        with queues.lock:
            queues.messages.clear()  # another worker has run it
        queues.faults.rates.clear()
        await until(lambda: events.of(EngineRecovered), seconds=10)
