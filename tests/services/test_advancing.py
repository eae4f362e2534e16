"""What becomes of a move that the store refuses, and of all others."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.contract.roles.schedule_store import Advanced
from dutiful.core.errors import EngineError, EngineUnavailable
from dutiful.core.event import (
    OccurrenceLate,
    OccurrenceMissed,
    ScheduleBroken,
)
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.job import NewJob
from dutiful.core.occurrence import Advance
from dutiful.core.unique import Unique
from tests.services.turns import Engine, World, every


@pytest.mark.parametrize(
    "refusal", [EngineError("no such letter"), LookupError("no such letter"), ValueError("x")]
)
def test_a_move_that_the_store_refuses_breaks_its_schedule_alone(
    world: World, refusal: Exception
) -> None:
    good = [f"good{number:02}" for number in range(20)]
    world.put(every("bad"), *map(every, good))
    world.engine.refusals["bad"] = refusal
    scheduler = world.scheduler()
    for minute in range(1, 4):
        world.clock.advance("61s")
        before = world.engine.writes
        assert world.turn(scheduler) == 20
        assert world.engine.writes - before < 15
        assert world.made() == sorted(good * minute)
        standing = world.engine.tables.standings["bad"]
        assert str(refusal) in (standing.broken or "")
        assert standing.retry_at == world.clock.now() + MINUTE
    (reported,) = world.of(ScheduleBroken)
    assert (reported.schedule, reported.error) == ("bad", standing.broken)
    world.engine.refusals.clear()
    world.clock.advance("61s")
    assert world.turn(scheduler) > 20
    assert world.engine.tables.standings["bad"].broken is None


def test_a_schedule_that_cannot_even_be_set_aside_holds_up_no_other(world: World) -> None:
    class Odd(Engine):
        async def advance(self, moves: Sequence[Advance]) -> Advanced:
            if any(move.name == "bad" for move in moves):
                raise EngineError("no such row")
            return await super().advance(moves)

    world.engine = Odd(world.clock)
    world.store = Store(world.engine, world.events.append)
    world.put(every("bad"), every("good"))
    world.clock.advance("1m")
    scheduler = world.scheduler()
    assert world.turn(scheduler) == 1
    assert [reported.schedule for reported in world.of(ScheduleBroken)] == ["bad"]
    assert world.rest(scheduler) >= 1.0


def test_a_store_that_is_away_breaks_no_schedule(world: World) -> None:
    world.put(every("one"), every("two"))
    world.engine.refusals["one"] = EngineUnavailable("away")
    world.clock.advance("1m")
    with pytest.raises(EngineUnavailable):
        world.turn(world.scheduler())
    assert world.engine.writes == 1
    assert world.of(ScheduleBroken) == []
    assert world.made() == []


def test_a_key_that_must_not_be_held_costs_its_occurrence_alone(world: World) -> None:
    async def prepare(jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        rule = Unique(key="k", on_conflict="raise")
        return [replace(job, unique=rule) if job.task == "keyed" else job for job in jobs]

    world.put(every("keyed", SECOND, task="keyed"), every("good", SECOND))
    scheduler = world.scheduler(prepare=prepare)
    made = list[int]()
    for _ in range(3):
        world.clock.advance("1s")
        made.append(world.turn(scheduler))
    assert made == [2, 1, 1]
    holder = next(job.id for job in world.engine.tables.jobs.values() if job.unique_key)
    assert [(reported.schedule, reported.count) for reported in world.of(OccurrenceMissed)] == [
        ("keyed", 1),
        ("keyed", 1),
    ]
    assert world.of(OccurrenceMissed)[0].why == f"job {holder} holds its unique key"
    assert world.of(ScheduleBroken) == []
    rows = world.runner.run(world.engine.schedules.occurrences("keyed", 10))
    assert [row.kind for row in rows] == ["skipped", "skipped", "enqueued"]
    assert world.engine.tables.standings["keyed"].broken is None


def test_one_that_gives_way_is_not_told_as_enqueued_late(world: World) -> None:
    world.put(every("keyed", HOUR, unique=Unique(key="k")))
    scheduler = world.scheduler()
    world.clock.advance("1h")
    world.turn(scheduler)
    world.clock.advance("62m")
    assert world.turn(scheduler) == 0
    assert [
        reported for reported in world.of(OccurrenceLate) if reported.what == "enqueued late"
    ] == []
