"""The scheduler's turns, and how a declaration is shown, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import process_time

import pytest
from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.core.errors import Unsupported
from dutiful.core.event import (
    ClockSkewed,
    OccurrenceLate,
    OccurrenceMissed,
    ScheduleBroken,
    SchedulesDeclared,
)
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.job import NewJob
from dutiful.core.state import State
from dutiful.engines.memory import MemoryEngine
from dutiful.testing import FakeClock
from tests.services.turns import World, declaration_version, every

LONG = "FREQ=SECONDLY;INTERVAL=899;BYMINUTE=0,15,30,45;BYSECOND=0;COUNT=7000"


@pytest.mark.parametrize("broken", ["{", "jitter", "start_within", "misfire_max", "late_after"])
def test_a_broken_schedule_delays_no_other_and_is_told_once(world: World, broken: str) -> None:
    world.put(every("broken"), every("sound"))
    sound = world.engine.tables.standings["broken"].spec
    spoilt = b"{" if broken == "{" else b'%s,"%s":%d}' % (sound[:-1], broken.encode(), 10**21)
    world.spoil("broken", spoilt)
    scheduler = world.scheduler()
    for minute in range(1, 4):
        world.clock.advance("61s")
        assert world.turn(scheduler) == 1
        assert world.made() == ["sound"] * minute
    (reported,) = world.of(ScheduleBroken)
    assert reported.schedule == "broken"
    assert "cannot be read" in reported.error
    world.spoil("broken", sound)
    world.clock.advance("61s")
    assert world.turn(scheduler) == 2
    world.spoil("broken", spoilt)
    world.clock.advance("61s")
    world.turn(scheduler)
    assert len(world.of(ScheduleBroken)) == 2


def test_a_broken_schedule_costs_no_turn_before_it_is_tried_again(world: World) -> None:
    world.put(every("broken"), every("sound", HOUR))
    world.spoil("broken", b"{")
    scheduler = world.scheduler()
    world.clock.advance("1h")
    world.turn(scheduler)
    assert world.rest(scheduler) == 5.0


def test_a_hook_that_raises_breaks_its_schedule_alone(world: World) -> None:
    async def prepare(jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        if any(job.task == "bad" for job in jobs):
            raise LookupError("no tenant")
        return [replace(job, meta={**job.meta, "tenant": "acme"}) for job in jobs]

    world.put(every("bad", task="bad"), every("good"))
    world.clock.advance("1m")
    assert world.turn(world.scheduler(prepare=prepare)) == 1
    (job,) = world.engine.tables.jobs.values()
    assert (job.meta["schedule"], job.meta["tenant"]) == ("good", "acme")
    (reported,) = world.of(ScheduleBroken)
    assert (reported.schedule, reported.error) == ("bad", "LookupError: no tenant")
    world.clock.advance("1m")
    # Once the hook is fixed, it makes both that were due.
    assert world.turn(world.scheduler()) == 3


def test_an_occurrence_that_is_made_late_is_told(world: World) -> None:
    world.put(every("hourly", HOUR, start_within=None))
    world.clock.advance("1h 1m")
    world.turn(world.scheduler())
    assert not world.of(OccurrenceLate), "it may be a minute late"
    world.clock.advance("1h 4m")
    world.turn(world.scheduler())
    (late,) = world.of(OccurrenceLate)
    assert (late.schedule, late.seconds, late.what) == ("hourly", 300.0, "enqueued late")
    assert late.job_id in world.engine.tables.jobs


def test_occurrences_that_are_not_made_up_for_are_told_together(world: World) -> None:
    began = world.clock.now()
    world.put(every("skips", HOUR, misfire="skip"))
    world.clock.advance("3h 30m")
    assert world.turn(world.scheduler()) == 0
    assert world.of(OccurrenceMissed) == [OccurrenceMissed("skips", began + 3 * HOUR, 3)]


def test_a_job_that_nobody_starts_is_told_once(world: World) -> None:
    world.put(every("waits", HOUR, start_within=10 * MINUTE))
    scheduler = world.scheduler()
    for _ in range(8):
        world.clock.advance("10m")
        world.turn(scheduler)
    (late,) = world.of(OccurrenceLate)
    assert (late.schedule, late.what, late.seconds) == ("waits", "not started in time", 600.0)


def test_who_made_the_last_comes_on_time_and_the_other_covers(world: World) -> None:
    world.put(every("s", 2 * SECOND))
    first, second = world.scheduler(), world.scheduler()
    world.clock.advance("2s")
    assert [world.turn(first), world.turn(second)] == [1, 0]
    assert world.rest(first) == 2.0
    assert world.rest(second) == pytest.approx(2.125)
    # The first has died, so the second leads from the next one on.
    world.clock.advance("2.125s")
    assert world.turn(second) == 1
    assert world.rest(second) == pytest.approx(1.875)
    # It was frozen: it finds done what it meant to do, and leaves the lead.
    assert world.turn(first) == 0
    assert world.rest(first) == pytest.approx(1.875 + 0.125)


def test_a_turn_that_fails_is_not_tried_again_at_once(world: World) -> None:
    world.put(every("s", 2 * SECOND))
    scheduler = world.scheduler()
    world.clock.advance("2s")
    assert world.turn(scheduler) == 1
    world.engine.down = True
    world.clock.advance("2s")
    with pytest.raises(ConnectionError):
        world.turn(scheduler)
    assert world.rest(scheduler) == 0.25


def test_what_is_held_is_looked_at_twice_a_second(world: World) -> None:
    world.put(every("queues", MINUTE, overlap="queue-one"))
    scheduler = world.scheduler()
    world.clock.advance("1m")
    assert world.turn(scheduler) == 1
    assert world.rest(scheduler) == 5.0
    world.clock.advance("1m")
    assert world.turn(scheduler) == 0
    assert world.rest(scheduler) == 0.5
    (job,) = world.engine.tables.jobs.values()
    assert world.turn(scheduler) == 0, "the one before still runs"
    assert world.rest(scheduler) == 0.5
    world.engine.tables.change(job, state=State.CANCELLED)
    assert world.turn(scheduler) == 1
    assert world.turn(scheduler) == 0
    assert world.rest(scheduler) == 5.0


def test_an_unhealthy_worker_schedules_nothing(world: World) -> None:
    world.put(every("s"))
    world.clock.advance("1m")
    scheduler = world.scheduler(declaration_version("one", every("d")), healthy=lambda: False)
    assert world.turn(scheduler) == 0
    assert (world.engine.shown, world.made()) == ([], [])
    assert world.rest(scheduler) == pytest.approx(1.125)


def test_a_skewed_clock_is_told_once(world: World) -> None:
    mine = FakeClock()
    scheduler = world.scheduler(clock=mine)
    steps: list[tuple[Callable[[], None], int]] = [
        (lambda: mine.step("30s"), 0),
        (lambda: mine.step("1s"), 1),
        (lambda: mine.step("1h"), 1),
        (lambda: mine.step("-3631s"), 1),
        (lambda: mine.step("-31s"), 2),
    ]
    for step, reported in steps:
        step()
        world.turn(scheduler)
        assert len(world.of(ClockSkewed)) == reported
    assert [event.seconds for event in world.of(ClockSkewed)] == [31.0, -31.0]


def test_an_edition_is_declared_once_and_shown_every_20_seconds(world: World) -> None:
    declaration = declaration_version("one", every("s", app="app"))
    world.runner.run(declaration.bring(world.store))
    for _ in range(4):
        world.clock.advance("10s")
        world.runner.run(declaration.bring(world.store))
    assert world.engine.shown == [("one", True), ("one", False), ("one", False)]
    assert world.of(SchedulesDeclared) == [SchedulesDeclared("app", ("s",), (), ())]


def test_an_edition_is_declared_again_once_the_newer_one_is_gone(world: World) -> None:
    old = declaration_version("old", every("s", app="app"))
    new = declaration_version("new", every("s", HOUR, app="app"), every("t", app="app"))
    for one in (old, new):
        world.runner.run(one.bring(world.store))
    world.events.clear()
    # The new one was shown for the last time.
    for _ in range(3):
        world.clock.advance("20s")
        world.runner.run(old.bring(world.store))
    assert not world.events
    world.clock.advance("20s")
    world.runner.run(old.bring(world.store))
    assert world.of(SchedulesDeclared) == [SchedulesDeclared("app", (), ("s",), ("t",))]
    assert world.engine.shown[-2:] == [("old", False), ("old", True)]


def test_what_a_retired_schedule_leaves_undone_is_told(world: World) -> None:
    world.runner.run(declaration_version("old", every("s", app="app")).bring(world.store))
    began = world.clock.now()
    world.clock.advance("2h")
    world.runner.run(declaration_version("new").bring(world.store))
    assert world.of(OccurrenceMissed) == [
        OccurrenceMissed("s", began + 2 * HOUR, 120, "its schedule was retired")
    ]


class Without(MemoryEngine):
    """An engine that keeps no schedules."""

    capabilities = MemoryEngine.capabilities - {Capability.SCHEDULES}


def test_schedules_need_an_engine_that_keeps_them() -> None:
    store = Store(Without())
    declaration_version("none").check(store)
    with pytest.raises(Unsupported, match="use another engine"):
        declaration_version("one", every("s")).check(store)


def test_not_even_a_hook_whose_error_cannot_be_read_holds_up_other_schedules(world: World) -> None:
    class Wordless(BaseException):
        def __str__(self) -> str:
            raise SystemExit(3)

    async def prepare(jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        if any(job.task == "bad" for job in jobs):
            raise Wordless
        return jobs

    world.put(every("bad", task="bad"), every("good"))
    world.clock.advance("1m")
    assert world.turn(world.scheduler(prepare=prepare)) == 1
    assert [event.schedule for event in world.of(ScheduleBroken)] == ["bad"]


def test_a_stored_rule_that_takes_too_many_steps_holds_up_nobody(world: World) -> None:
    world.put(every("long"), every("good"))
    rule = b'{"type":"calendar","rrule":"%s","zone":"UTC","start":"2026-01-01T00:00:00"}'
    world.spoil("long", b'{"name":"long","task":"t","rule":%s}' % (rule % LONG.encode()))
    world.clock.advance("1m")
    begun = process_time()
    assert world.turn(world.scheduler()) == 1
    assert process_time() - begun < 5  # it took 14 s, and a tenth of this is usual
    (reported,) = world.of(ScheduleBroken)
    assert (reported.schedule, "COUNT of 7,000" in reported.error) == ("long", True)
