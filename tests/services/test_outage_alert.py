"""A store that cannot be used is an alert all the same: sent once, and recorded afterwards."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from dutiful.contract.facade import Store
from dutiful.contract.roles.alert_store import AlertKind
from dutiful.core.alert_event import AlertFired, AlertNotSent, AlertResolved
from dutiful.core.alerting.incident import Incident, read
from dutiful.core.alerting.outage import KEY
from dutiful.core.alerting.routing import Policy
from dutiful.core.alerting.rule import Limit, Limits
from dutiful.core.event import Event
from dutiful.core.instant import SECOND
from dutiful.core.notification import Notification
from dutiful.engines.sqlite import SqliteEngine
from dutiful.services.alerter import Alerter
from dutiful.services.outage_alert import OutageAlert
from dutiful.services.trouble import OutageReport
from dutiful.testing import FakeClock

POLICY = Policy(sinks=("chat",), clear_after=2 * SECOND)


class FakeSink:
    def __init__(self) -> None:
        self.got: list[Notification] = []
        self.fails = False

    async def send(self, notification: Notification) -> None:
        if self.fails:
            raise ConnectionError("no route")
        self.got.append(notification)


class Host:
    """What the processes of a host agree by."""

    def __init__(self) -> None:
        self.speaker: object = None
        self.kept = b""


class FakeKeeper:
    def __init__(self, host: Host) -> None:
        self.host = host

    def take(self) -> bytes | None:
        if self.host.speaker not in (None, self):
            return None
        self.host.speaker = self
        return self.host.kept

    def keep(self, said: bytes) -> None:
        self.host.kept = said

    def release(self) -> None:
        if self.host.speaker is self:
            self.host.speaker = None


class Process:
    """One process that uses the store, with an alert about it and an alerter."""

    def __init__(self, world: World, host: Host, name: str) -> None:
        self.clock = world.clock
        self.trouble = OutageReport(world.events.append, world.clock.ticks)
        parts: dict[str, Any] = {
            "clock": world.clock,
            "sinks": {"chat": world.sink},
            "policy": POLICY,
            "rng": random.Random(1),
        }
        self.alert = OutageAlert(
            world.store,
            trouble=self.trouble,
            limit=Limit(above=10 * SECOND, severity="critical"),
            keeper=FakeKeeper(host),
            where=name,
            **parts,
        )
        self.alerter = Alerter(
            world.store, limits=Limits(), healthy=self.trouble.settled, seconds=1, **parts
        )

    def fail(self) -> None:
        self.trouble.met("jobs", OSError("no space left"), self.clock.ticks())

    def succeed(self) -> None:
        self.trouble.answered("jobs")


class World:
    def __init__(self, path: Path) -> None:
        self.clock = FakeClock()
        self.events: list[Event] = []
        self.sink = FakeSink()
        self.store = Store(SqliteEngine(path, clock=self.clock), self.events.append)

    def of(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.events if isinstance(one, kind)]

    async def seconds(self, count: int, *processes: Process) -> None:
        for _ in range(count):
            self.clock.advance("1s")
            for one in processes:
                await one.alert.run_once()

    async def evaluate(self, count: int, process: Process) -> None:
        for _ in range(count):
            self.clock.advance("5s")
            await process.alerter.run_once()

    async def stored(self) -> Incident:
        found = await self.store.alerts.entries((AlertKind.INCIDENT,))
        [row] = [one for one in found.entries if one.key == KEY]
        incident = read(Incident, row.key, row.version, row.body)
        assert isinstance(incident, Incident)
        return incident


@pytest.fixture
async def world(tmp_path: Path) -> Any:
    world = World(tmp_path / "jobs.db")
    await world.store.engine.open()
    yield world
    await world.store.engine.close()


@pytest.fixture
def crew(world: World) -> list[Process]:
    host = Host()
    return [Process(world, host, name) for name in ("one", "two", "three")]


async def test_a_short_outage_is_quiet(world: World, crew: list[Process]) -> None:
    for one in crew:
        one.fail()
    await world.seconds(9, *crew)
    for one in crew:
        one.succeed()
    await world.seconds(20, *crew)
    assert world.sink.got == []
    assert world.of(AlertFired) == []
    assert (await world.store.alerts.entries((AlertKind.INCIDENT,))).entries == ()


async def test_a_long_one_is_sent_once_and_recorded_and_resolved(
    world: World, crew: list[Process]
) -> None:
    for one in crew:
        one.fail()
    await world.seconds(60, *crew)
    [message] = world.sink.got
    assert (message.kind, message.rule, message.severity) == (
        "firing",
        "store-unusable",
        "critical",
    )
    assert "no space left" in message.text
    assert message.command == "dutiful check"
    assert len(world.of(AlertFired)) == 1
    for one in crew:
        one.succeed()
    await world.seconds(10, *crew)
    assert (await world.stored()).state == "firing"
    await world.evaluate(4, crew[1])
    assert [one.kind for one in world.sink.got] == ["firing", "resolved"]
    assert len(world.of(AlertResolved)) == 1


async def test_if_the_sender_ends_another_goes_on_and_sends_no_second_message(
    world: World, crew: list[Process]
) -> None:
    for one in crew:
        one.fail()
    await world.seconds(15, *crew)
    crew[0].alert.close()
    await world.seconds(15, *crew[1:])
    assert len(world.sink.got) == len(world.of(AlertFired)) == 1
    crew[1].alert.close()
    crew[2].succeed()
    await world.seconds(2, crew[2])
    assert (await world.stored()).state == "firing"


async def test_what_could_not_be_sent_is_sent_by_the_alerter_with_the_same_id(
    world: World, crew: list[Process]
) -> None:
    world.sink.fails = True
    crew[0].fail()
    await world.seconds(30, crew[0])
    assert 1 < len(world.of(AlertNotSent)) < 5
    world.sink.fails = False
    crew[0].succeed()
    await world.seconds(1, crew[0])
    found = await world.store.alerts.entries((AlertKind.DELIVERY,))
    await world.evaluate(20, crew[1])
    assert [one.kind for one in world.sink.got] == ["firing", "resolved"]
    assert world.sink.got[0].id == found.entries[0].key


async def test_one_that_is_not_over_it_yet_begins_no_second_alert(
    world: World, crew: list[Process]
) -> None:
    crew[0].fail()
    crew[1].fail()
    await world.seconds(15, *crew[:2])
    crew[0].succeed()
    await world.seconds(5, *crew[:2])
    assert len(world.of(AlertFired)) == 1


async def test_one_that_is_over_it_for_a_moment_makes_no_second_alert(
    world: World, crew: list[Process]
) -> None:
    crew[0].fail()
    await world.seconds(15, *crew[:2])
    crew[0].succeed()
    crew[1].fail()
    await world.seconds(1, *crew[:2])
    crew[0].fail()
    await world.seconds(11, *crew[:2])
    assert len(world.of(AlertFired)) == len(world.sink.got) == 1


async def test_the_next_outage_within_the_cool_down_sends_nothing(
    world: World, crew: list[Process]
) -> None:
    for _ in range(2):
        crew[0].fail()
        await world.seconds(15, crew[0])
        crew[0].succeed()
        await world.seconds(15, crew[0])
        await world.evaluate(4, crew[0])
    assert [one.kind for one in world.sink.got] == ["firing", "resolved"]
    assert len(world.of(AlertFired)) == 2


async def test_hosts_that_cannot_agree_record_one_alert(world: World) -> None:
    hosts = [Process(world, Host(), name) for name in ("here", "there")]
    for one in hosts:
        one.fail()
    await world.seconds(15, *hosts)
    assert len(world.sink.got) == 2
    for one in hosts:
        one.succeed()
    await world.seconds(15, *hosts)
    await world.evaluate(4, hosts[0])
    assert [one.kind for one in world.sink.got] == ["firing", "firing", "resolved"]


def test_an_outage_is_settled_when_leases_can_have_been_renewed() -> None:
    now = [0]
    trouble = OutageReport(lambda event: None, lambda: now[0])
    assert trouble.settled()
    trouble.met("jobs", OSError("away"), 0)
    assert trouble.settled()
    now[0] = 6 * SECOND
    assert not trouble.settled()
    trouble.answered("jobs")
    now[0] += 9 * SECOND
    assert not trouble.settled()
    now[0] += 1 * SECOND
    assert trouble.settled()
