"""Schedules that are read out of one store and filled into another."""

from __future__ import annotations

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.roles.transfer import SHUT, ScheduleHistory
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.occurrence import Recorded, Standing
from dutiful.core.outcome import Succeeded
from dutiful.core.schedule import written
from dutiful.core.state import State
from dutiful.testing.conformance.moves import end, one
from dutiful.testing.conformance.requires import needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.schedule_moves import standing, tick, turn
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.shut import OTHER, THIRD
from dutiful.testing.conformance.suite_clock import SuiteClock

FULL = Standing(
    name="tick",
    spec=written(tick()),
    app="shop",
    exclusive=True,
    version=7,
    number=3,
    created_at=1_000,
    changed_at=2_000,
    last=3_000,
    next=4_000,
    held=3_500,
    held_previous=2_500,
    since=1_500,
    broken="no zone data",
    retry_at=5_000,
)
"""A schedule of another store that has a value in every field, but for a reason not to fire."""

CLOSED = Recorded(
    schedule="tick",
    planned=2_000,
    previous=1_000,
    number=2,
    kind="enqueued",
    why="made up for",
    job_id="j1",
    recorded_at=2_500,
    backfilled=True,
    start_by=3_000,
    finish_by=4_000,
    started_at=2_600,
    finished_at=2_700,
    state=State.SUCCEEDED,
    reported=("start", "finish"),
)
SKIPPED = Recorded(schedule="tick", planned=3_000, number=3, kind="skipped", recorded_at=3_001)


@requires(Capability.SCHEDULES, Capability.EXPORT, Capability.IMPORT, Capability.INSPECT)
@needs_step
class ScheduleHistoryContract(Contract):
    """Holds `Transfer.dump_schedules`, ``fill_schedules`` and ``reopen_schedules``."""

    async def test_a_schedule_comes_back_as_it_was_filled_in(self, engine: Roles) -> None:
        paused = ScheduleHistory(replace(FULL, paused_at=6_000), (CLOSED, SKIPPED))
        idle = replace(FULL, name="tock", retired_at=6_000, next=None)
        retired = ScheduleHistory(replace(idle, held=None, held_previous=None))
        assert (await engine.importer.fill_schedules([paused, retired], OTHER)).stored == (
            "tick",
            "tock",
        )
        page = await engine.exporter.dump_schedules(10)
        assert (page.histories, page.cursor) == ((paused, retired), None)
        assert await engine.schedules.occurrences("tick", 10) == (SKIPPED, CLOSED)

    async def test_one_that_could_fire_is_shut_until_reopened(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        due = replace(FULL, exclusive=False, held=None, held_previous=None, next=clock.now())
        due = replace(due, retry_at=None)
        await engine.importer.fill_schedules([ScheduleHistory(due)], OTHER)
        assert (await standing(engine)).paused_at == SHUT
        batch = await engine.schedules.due(10)
        assert (batch.due, batch.next_in) == ((), None)
        assert await engine.importer.reopen_schedules(["stranger", "tick"], OTHER) == ("tick",)
        assert await standing(engine) == replace(due, version=8)
        assert len(await turn(engine)) == 1
        assert await engine.importer.reopen_schedules(["tick"], OTHER) == ()

    async def test_one_that_a_person_paused_is_not_reopened(self, engine: Roles) -> None:
        paused = replace(FULL, paused_at=6_000)
        await engine.importer.fill_schedules([ScheduleHistory(paused)], OTHER)
        assert await engine.importer.reopen_schedules(["tick"], OTHER) == ()
        assert await standing(engine) == paused

    async def test_a_person_may_resume_one_that_is_shut(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.importer.fill_schedules([ScheduleHistory(FULL)], OTHER)
        assert await engine.schedules.switch(["tick"], "resume") == ("tick",)
        assert (await standing(engine)).since == clock.now()

    async def test_an_existing_name_is_left_alone(self, engine: Roles) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        before = await standing(engine)
        other = ScheduleHistory(replace(FULL, name="tock"))
        assert (
            await engine.importer.fill_schedules([ScheduleHistory(FULL, (CLOSED,)), other], OTHER)
        ).stored == ("tock",)
        assert await standing(engine) == before
        assert await engine.schedules.occurrences("tick", 10) == ()

    async def test_one_that_is_still_shut_is_filled_in_anew(self, engine: Roles) -> None:
        await engine.importer.fill_schedules([ScheduleHistory(FULL, (CLOSED,))], OTHER)
        later = replace(FULL, version=9, number=4)
        assert (
            await engine.importer.fill_schedules([ScheduleHistory(later, (SKIPPED,))], OTHER)
        ).stored == ("tick",)
        assert await standing(engine) == replace(later, paused_at=SHUT)
        assert await engine.schedules.occurrences("tick", 10) == (SKIPPED,)

    async def test_one_that_is_shut_for_another_store_is_left_alone(self, engine: Roles) -> None:
        await engine.importer.fill_schedules([ScheduleHistory(FULL)], THIRD)
        later = ScheduleHistory(replace(FULL, version=9, number=4), (SKIPPED,))
        assert (await engine.importer.fill_schedules([later], OTHER)).stored == ()
        assert await engine.importer.reopen_schedules(["tick"], OTHER) == ()
        assert await standing(engine) == replace(FULL, paused_at=SHUT)
        assert await engine.importer.reopen_schedules(["tick"], THIRD) == ("tick",)

    async def test_texts_of_errors_are_kept_as_the_store_can_hold_them(self, engine: Roles) -> None:
        text = "half \udcff, NUL \x00"
        broken = replace(FULL, broken=text, paused_at=6_000)
        filled = await engine.importer.fill_schedules(
            [ScheduleHistory(broken, (replace(CLOSED, why=text),))], OTHER
        )
        assert (filled.stored, filled.refused) == (("tick",), ())
        assert (await standing(engine)).broken == engine.importer.storable(text)
        assert [one.why for one in await engine.schedules.occurrences("tick", 10)] == [
            engine.importer.storable(text)
        ]
        assert engine.importer.storable(engine.importer.storable(text)) == engine.importer.storable(
            text
        )
        assert engine.importer.storable("plain") == "plain"

    async def test_schedules_are_dumped_page_by_page(self, engine: Roles) -> None:
        for name in ("c", "a", "b"):
            await engine.schedules.put_schedule(tick(name), replace=False)
        first = await engine.exporter.dump_schedules(2)
        assert [history.standing.name for history in first.histories] == ["a", "b"]
        rest = await engine.exporter.dump_schedules(2, first.cursor)
        assert [history.standing.name for history in rest.histories] == ["c"]
        assert rest.cursor is None

    async def test_what_was_told_is_not_told_again_elsewhere(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        late = tick(start_within=SECOND, finish_within=2 * MINUTE)
        await engine.schedules.put_schedule(late, replace=False)
        clock.advance("1m")
        await turn(engine)
        clock.advance("2s")
        assert [one.what for one in await engine.schedules.review(10)] == ["start"]
        (history,) = (await engine.exporter.dump_schedules(10)).histories
        await engine.schedules.delete_schedules(["tick"])
        await engine.importer.fill_schedules([history], OTHER)
        assert await engine.schedules.review(10) == ()
        clock.advance("2m")
        assert [one.what for one in await engine.schedules.review(10)] == ["finish"]

    async def test_an_open_occurrence_finds_its_job_again(
        self, engines: tuple[Roles, Roles], clock: SuiteClock
    ) -> None:
        engine = engines[0]
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        await turn(engine)
        (history,) = (await engine.exporter.dump_schedules(10)).histories
        assert [row.state for row in history.occurrences] == [State.QUEUED]
        await engine.schedules.delete_schedules(["tick"])
        await engine.importer.fill_schedules([history], OTHER)
        assert await end(engine, await one(engine), Succeeded(b"1"))
        assert await engine.schedules.review(10) == ()
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert (row.state, row.planned) == (State.SUCCEEDED, clock.now())
        await engine.importer.reopen_schedules(["tick"], OTHER)
        assert (await standing(engine)).next == clock.now() + MINUTE
