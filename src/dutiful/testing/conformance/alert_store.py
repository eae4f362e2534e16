"""Keeping alerts as rows with versions, and giving turns."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.instant import SECOND
from dutiful.core.state import State
from dutiful.testing.conformance.moves import add, everything, kill, one
from dutiful.testing.conformance.requires import needs_advance, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock

FIVE = 5 * SECOND
ENTRY = AlertEntry(AlertKind.INCIDENT, "queue-age/mail", 0, 100, '{"odd": "ü"}')


async def stored(engine: Roles, *kinds: AlertKind) -> tuple[AlertEntry, ...]:
    """Return the entries of these kinds; without any, the incidents."""
    return (await engine.alerts.entries(kinds or (AlertKind.INCIDENT,))).entries


@requires(Capability.ALERTS)
class AlertsContract(Contract):
    """Holds the role `AlertStore`."""

    async def test_a_turn_is_taken_once(self, engine: Roles) -> None:
        assert await engine.alerts.turn("rules", FIVE) is not None
        assert await engine.alerts.turn("rules", FIVE) is None
        assert await engine.alerts.turn("others", FIVE) is not None

    async def test_one_of_many_takes_a_turn(self, engines: tuple[Roles, Roles]) -> None:
        turns = [each.alerts.turn("rules", FIVE) for _ in range(6) for each in engines]
        taken = await asyncio.gather(*turns)
        assert sum(at is not None for at in taken) == 1

    @needs_advance("5s")
    async def test_a_turn_is_due_again(self, engine: Roles, clock: SuiteClock) -> None:
        first = await engine.alerts.turn("rules", FIVE)
        clock.advance("4s")
        assert await engine.alerts.turn("rules", FIVE) is None
        clock.advance("1s")
        second = await engine.alerts.turn("rules", FIVE)
        assert first is not None
        assert second == first + FIVE

    async def test_a_turn_in_the_future_is_over(self, engine: Roles) -> None:
        far = AlertEntry(AlertKind.TURN, "rules", 0, 2**60)
        assert await engine.alerts.write([far])
        assert await engine.alerts.turn("rules", FIVE) is not None
        assert await engine.alerts.turn("rules", FIVE) is None

    async def test_an_entry_is_kept_with_its_version(self, engine: Roles) -> None:
        assert await engine.alerts.write([ENTRY])
        assert await stored(engine) == (replace(ENTRY, version=1),)
        changed = replace(ENTRY, version=1, at=200, body="[]")
        assert await engine.alerts.write([changed])
        assert await stored(engine) == (replace(changed, version=2),)
        assert await stored(engine, AlertKind.DELIVERY, AlertKind.PAST) == ()

    async def test_a_write_needs_the_stored_version(self, engine: Roles) -> None:
        await engine.alerts.write([ENTRY])
        for version in (0, 2, 2**62):
            assert not await engine.alerts.write([replace(ENTRY, version=version, body="x")])
        assert not await engine.alerts.write([], [replace(ENTRY, version=2)])
        assert await stored(engine) == (replace(ENTRY, version=1),)

    async def test_a_write_is_all_or_nothing(self, engine: Roles) -> None:
        await engine.alerts.write([ENTRY])
        other = replace(ENTRY, kind=AlertKind.DELIVERY, key="m")
        assert not await engine.alerts.write([other, ENTRY])
        assert not await engine.alerts.write([other], [replace(ENTRY, version=7)])
        assert await stored(engine, AlertKind.DELIVERY) == ()
        assert await engine.alerts.write([other], [replace(ENTRY, version=1)])
        assert await stored(engine, AlertKind.DELIVERY) == (replace(other, version=1),)
        assert await stored(engine) == ()

    async def test_one_of_many_writers_wins(self, engines: tuple[Roles, Roles]) -> None:
        for version in (0, 1):
            writes = [
                each.alerts.write([replace(ENTRY, version=version, body=f"{number}")])
                for number in range(4)
                for each in engines
            ]
            assert (await asyncio.gather(*writes)).count(True) == 1
        (kept,) = await stored(engines[0])
        assert kept.version == 2

    async def test_entries_come_latest_first(self, engine: Roles) -> None:
        rows = [replace(ENTRY, key=f"k{at}", at=at) for at in (3, 1, 2)]
        await engine.alerts.write(rows)
        found = await engine.alerts.entries((AlertKind.INCIDENT,), 2)
        assert [row.at for row in found.entries] == [3, 2]

    async def test_entries_come_with_the_stores_time(self, engine: Roles) -> None:
        now = (await engine.alerts.entries(())).now
        assert await engine.alerts.turn("rules", FIVE) in range(now, now + SECOND)

    async def test_old_entries_are_forgotten(self, engine: Roles) -> None:
        rows = [replace(ENTRY, kind=AlertKind.PAST, key=f"k{at}", at=at) for at in range(5)]
        await engine.alerts.write([*rows, replace(ENTRY, at=0)])
        assert await engine.alerts.forget(AlertKind.PAST, 3, 2) == 2
        assert await engine.alerts.forget(AlertKind.PAST, 3) == 1
        assert await engine.alerts.forget(AlertKind.PAST, 3) == 0
        assert [row.at for row in await stored(engine, AlertKind.PAST)] == [4, 3]
        assert len(await stored(engine)) == 1

    async def test_no_entries_are_no_write(self, engine: Roles) -> None:
        assert await engine.alerts.write([])
        assert await stored(engine, *AlertKind) == ()

    async def test_the_jobs_that_run_longest_are_listed(self, engine: Roles) -> None:
        await add(engine, task="first")
        first = await one(engine)
        await add(engine, task="second")
        await one(engine)
        found = await engine.alerts.longest(10)
        assert [job.task for job in found] == ["first", "second"]
        assert found[0].id == first.job.id
        assert (found[0].queue, found[0].worker) == (first.job.queue, "w1")
        assert found[0].started_at == first.job.started_at
        assert await engine.alerts.longest(1) == found[:1]

    @requires(Capability.INSPECT)
    async def test_the_oldest_end_is_found(self, engine: Roles) -> None:
        assert await engine.alerts.oldest_end(State.DEAD) is None
        await kill(engine)
        await kill(engine)
        ends = [job.finished_at for job in await everything(engine)]
        assert await engine.alerts.oldest_end(State.DEAD) == min(at for at in ends if at)
        assert await engine.alerts.oldest_end(State.SUCCEEDED) is None
