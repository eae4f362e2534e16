"""Alerters on a store: one turn for all, messages sent once, and garbage in their rows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dutiful.contract.facade import Store
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alert_event import AlertFired, AlertNotSent, AlertResolved, AlertRuleFailed
from dutiful.core.alerting.routing import Policy
from dutiful.core.alerting.rule import Condition, Limits, Rule
from dutiful.core.alerting.sample import Sample
from dutiful.core.alerting.sending import CLAIM
from dutiful.core.errors import NotSent
from dutiful.core.event import Event
from dutiful.core.instant import SECOND
from dutiful.core.notification import Notification
from dutiful.engines.memory import MemoryEngine
from dutiful.engines.sqlite import SqliteEngine
from dutiful.services.alerter import Alerter
from dutiful.testing import FakeClock


class FakeSink:
    """Keeps what it is sent; may fail, or never answer."""

    def __init__(self, name: str = "chat") -> None:
        self.name = name
        self.got: list[Notification] = []
        self.fails = 0
        self.begun = asyncio.Event()
        self.hangs = self.refuses = False

    async def send(self, notification: Notification) -> None:
        self.begun.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.refuses:
            raise NotSent("answered 404", permanent=True)
        if self.fails:
            self.fails -= 1
            raise ConnectionError("no route to https://hooks.example/secret-token")
        self.got.append(notification)


class World:
    """A store, its clock, and what an own rule finds in it."""

    def __init__(self, connect: Callable[[FakeClock], Any], clock: FakeClock) -> None:
        self.clock = clock
        self.connect = connect
        self.bad: set[str] = set()
        self.events: list[Event] = []
        self.stores: list[Store] = []

    async def store(self) -> Store:
        store = Store(self.connect(self.clock), self.events.append)
        await store.engine.open()
        self.stores.append(store)
        return store

    def check(self, sample: Sample) -> Iterator[Condition]:
        for name in sorted(self.bad):
            yield Condition(subject=name, value=1, title=f"{name} is bad")

    async def alerter(self, *sinks: FakeSink, store: Store | None = None, **given: Any) -> Alerter:
        policy = Policy(sinks=tuple(sink.name for sink in sinks), clear_after=0)
        return Alerter(
            store or await self.store(),
            clock=self.clock,
            rng=Random(1),
            sinks={sink.name: sink for sink in sinks},
            limits=Limits(),
            policy=policy,
            rules=[Rule(name="own", check=self.check)],
            scope="app",
            **given,
        )

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.events if isinstance(one, kind)]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    clock = FakeClock()
    first: list[MemoryEngine] = []

    def connect(clock: FakeClock) -> Any:
        if request.param == "sqlite":
            return SqliteEngine(tmp_path / "jobs.db", clock=clock)
        if request.param == "postgresql":
            from dutiful.engines.postgres import PostgresEngine

            return PostgresEngine(request.getfixturevalue("postgres_url"), clock=clock)
        first.append(MemoryEngine(clock, first[0].tables if first else None))
        return first[-1]

    world = World(connect, clock)
    yield world
    for store in world.stores:
        await store.engine.close()


async def turns(clock: FakeClock, count: int, *alerters: Alerter, step: str = "5s") -> None:
    for _ in range(count):
        await asyncio.gather(*(each.run_once() for each in alerters))
        clock.advance(step)


async def test_an_alert_fires_and_resolves_once_however_many_alerters_run(world: World) -> None:
    sink = FakeSink()
    alerters = [await world.alerter(sink) for _ in range(4)]
    world.bad = {"disk"}
    await turns(world.clock, 5, *alerters)
    assert [(one.kind, one.title) for one in sink.got] == [("firing", "disk is bad")]
    assert len(world.of(AlertFired)) == 1
    world.bad = set()
    await turns(world.clock, 5, *alerters)
    assert [one.kind for one in sink.got] == ["firing", "resolved"]
    assert len(world.of(AlertResolved)) == 1


async def test_one_that_dies_between_claim_and_record_is_followed_by_another(world: World) -> None:
    hanging, sink = FakeSink(), FakeSink()
    hanging.hangs = True
    dies, lives = await world.alerter(hanging), await world.alerter(sink)
    world.bad = {"disk"}
    turn = asyncio.create_task(dies.run_once())
    await hanging.begun.wait()
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)
    await lives.run_once()
    assert sink.got == []
    began = world.clock.now()
    while not sink.got:
        world.clock.advance("5s")
        await lives.run_once()
    assert world.clock.now() - began <= 15 * SECOND
    await turns(world.clock, 3, lives)
    assert len(sink.got) == 1
    kept = await world.stores[0].alerts.entries((AlertKind.DELIVERY,))
    assert sink.got[0].id == kept.entries[0].key


async def test_a_failing_sink_is_tried_again_and_is_an_alert_on_another(world: World) -> None:
    chat, mail = FakeSink("chat"), FakeSink("mail")
    alerter = await world.alerter(chat, mail)
    chat.fails = 5
    world.bad = {"disk"}
    await turns(world.clock, 120, alerter, step="30s")
    assert [one.rule for one in mail.got] == ["own", "sink-failing", "sink-failing"]
    assert [one.rule for one in chat.got] == ["own"]
    failures = world.of(AlertNotSent)
    assert [one.attempt for one in failures] == [1, 2, 3, 4, 5]
    assert "secret-token" not in failures[0].error
    assert "https://..." in failures[0].error


async def test_one_that_refuses_for_good_is_not_tried_again(world: World) -> None:
    chat, mail = FakeSink("chat"), FakeSink("mail")
    chat.refuses = True
    alerter = await world.alerter(chat, mail)
    world.bad = {"disk"}
    await turns(world.clock, 20, alerter, step="5s")
    [failure] = world.of(AlertNotSent)
    assert (failure.attempt, failure.given_up, failure.error) == (1, True, "answered 404")
    assert [one.rule for one in mail.got] == ["own", "sink-failing"]


async def test_a_broken_rule_is_reported_once_and_the_others_go_on(world: World) -> None:
    sink = FakeSink()
    alerter = await world.alerter(sink)

    def broken(sample: Sample) -> Iterator[Condition]:
        raise ValueError("a bug")

    alerter._parts[1] = ("x", (Rule(name="broken", check=broken), *alerter._parts[1][1]))
    world.bad = {"disk"}
    await turns(world.clock, 4, alerter)
    assert {one.rule for one in sink.got} == {"own", "rule-failing"}
    assert len(world.of(AlertRuleFailed)) == 1


async def test_one_without_a_sink_leaves_the_turn_to_others(world: World) -> None:
    sink = FakeSink()
    watcher, worker = await world.alerter(late=True), await world.alerter(sink)
    await worker.run_once()
    world.bad = {"disk"}
    for _ in range(3):
        world.clock.advance("5s")
        await watcher.run_once()
        await worker.run_once()
    assert [one.title for one in sink.got] == ["disk is bad"]
    world.bad = {"disk", "net"}
    for _ in range(3):
        world.clock.advance("5s")
        await watcher.run_once()
    assert [one.subject for one in world.of(AlertFired)] == ["disk", "net"]


GARBAGE = ["", "null", "{", '{"id": 7}', "[" * 5000, '"\\ud800"', '{"until": 1e400}']


async def test_no_stored_byte_stops_an_alerter(world: World) -> None:
    sink = FakeSink()
    alerter = await world.alerter(sink)
    store = world.stores[0]
    kinds = (AlertKind.INCIDENT, AlertKind.DELIVERY, AlertKind.SILENCE, AlertKind.PAST)
    rows = [
        AlertEntry(kind, key, 0, at, body)
        for (number, body), kind in itertools.product(enumerate(GARBAGE), kinds)
        for key, at in ((f"own/{number}", 2**62), (f"x{number}", -(2**62)))
    ]
    rows.append(AlertEntry(AlertKind.INCIDENT, "own/disk", 0, 0, "x"))
    assert await store.alerts.write(rows)
    world.bad = {"disk", "1"}
    await turns(world.clock, 4, alerter)
    assert {one.rule for one in sink.got} == {"own"}
    world.bad = set()
    await turns(world.clock, 4, alerter)
    assert len(world.of(AlertResolved)) == 2


async def test_claims_last_for_longer_than_a_send_may_take() -> None:
    from dutiful.services.delivering import _SEND_SECONDS

    assert CLAIM / SECOND > _SEND_SECONDS
