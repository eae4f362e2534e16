"""Keeping schedules, and making each of their occurrences once."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.core.advance import advance, give_up, make, staying
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.occurrence import Advance, Standing
from dutiful.core.rule import Interval
from dutiful.core.schedule import read
from dutiful.core.state import State
from dutiful.testing.conformance.moves import everything, look, one
from dutiful.testing.conformance.requires import needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.schedule_moves import job_id, standing, tick, turn
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.SCHEDULES, Capability.INSPECT)
@needs_step
class ScheduleContract(Contract):
    """Holds the role `ScheduleStore`."""

    async def test_a_new_schedule_begins_now(self, engine: Roles, clock: SuiteClock) -> None:
        assert await engine.schedules.put_schedule(tick(), replace=False)
        found = await standing(engine)
        assert read(found.spec) == tick(born=clock.now())
        assert (found.number, found.last) == (0, None)
        assert found.next == clock.now() + MINUTE
        assert (found.created_at, found.since) == (clock.now(), clock.now())

    async def test_a_taken_name_is_left_alone(self, engine: Roles) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        before = await standing(engine)
        assert not await engine.schedules.put_schedule(tick(priority=5), replace=False)
        assert await standing(engine) == before

    async def test_a_replaced_schedule_keeps_its_history(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        await turn(engine)
        assert await engine.schedules.put_schedule(tick(rule=Interval(7 * SECOND)), replace=True)
        found = await standing(engine)
        assert found.last == clock.now()
        assert found.next is not None
        assert found.next - clock.now() <= 7 * SECOND
        assert len(await engine.schedules.occurrences("tick", 10)) == 1

    async def test_replacing_by_the_same_changes_nothing(self, engine: Roles) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        before = await standing(engine)
        assert await engine.schedules.put_schedule(tick(), replace=True)
        assert await standing(engine) == before

    async def test_nothing_is_due_before_its_time(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("59s")
        batch = await engine.schedules.due(10)
        assert (batch.now, batch.due, batch.next_in) == (clock.now(), (), SECOND)

    async def test_an_empty_store_has_nothing_due(self, engine: Roles, clock: SuiteClock) -> None:
        batch = await engine.schedules.due(10)
        assert (batch.due, batch.next_in) == ((), None)

    async def test_asked_for_nothing_it_tells_the_time(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        assert (await engine.schedules.due(0)).now == clock.now()
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        batch = await engine.schedules.due(0)
        assert (batch.now, batch.due) == (clock.now(), ())

    async def test_an_occurrence_enqueues_its_job(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(
            tick(args='{"n":1}', priority=3, tags=("x",)), replace=False
        )
        clock.advance("1m")
        assert await turn(engine) == (await job_id(engine, clock.now()),)
        (job,) = await everything(engine)
        assert (job.task, job.args, job.priority, job.tags) == ("t", b'{"n":1}', 3, ("x",))
        assert job.state is State.QUEUED
        assert job.meta["schedule"] == "tick"
        assert job.meta["planned"] == str(clock.now())
        found = await standing(engine)
        assert (found.last, found.next) == (clock.now(), clock.now() + MINUTE)
        assert found.number == 1

    async def test_its_job_can_be_claimed(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        (job_id,) = await turn(engine)
        assert (await one(engine)).job.id == job_id

    @requires(Capability.NOTIFY)
    async def test_a_new_job_wakes_a_listener(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        listener = asyncio.create_task(engine.consumer.wait(("default",), 30))
        await asyncio.sleep(0.1)
        await turn(engine)
        await asyncio.wait_for(listener, 10)

    async def test_of_two_who_advance_one_wins(
        self, engines: tuple[Roles, Roles], clock: SuiteClock
    ) -> None:
        first, second = engines
        await first.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        batches = await first.schedules.due(10), await second.schedules.due(10)
        moves = [
            [move for due in batch.due if (move := advance(due, batch.now))] for batch in batches
        ]
        answers = await asyncio.gather(
            first.schedules.advance(moves[0]), second.schedules.advance(moves[1])
        )
        assert sorted(len(answer.accepted) for answer in answers) == [0, 1]
        assert len(await everything(first)) == 1

    async def test_a_move_of_an_older_version_is_refused(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        batch = await engine.schedules.due(10)
        await engine.schedules.put_schedule(tick(priority=1), replace=True)
        move = advance(batch.due[0], batch.now)
        assert move is not None
        assert await engine.schedules.advance([move]) == type(await engine.schedules.advance([]))()
        assert await everything(engine) == ()

    async def test_many_are_advanced_at_once(self, engine: Roles, clock: SuiteClock) -> None:
        for number in range(50):
            await engine.schedules.put_schedule(tick(f"s{number:02}"), replace=False)
        clock.advance("1m")
        assert len(await turn(engine, limit=20)) == 20
        assert len(await turn(engine, limit=100)) == 30
        assert await turn(engine) == ()

    async def test_an_occurrence_is_recorded_once(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        planned = clock.now() - MINUTE
        for made in (1, 0):
            found = await standing(engine)
            occurrence = make(tick(), planned, None, backfilled=True)
            answer = await engine.schedules.advance([by_hand(found, occurrences=(occurrence,))])
            assert answer.accepted == ("tick",)
            assert len(answer.made) == made
        assert len(await everything(engine)) == 1
        (recorded,) = await engine.schedules.occurrences("tick", 10)
        assert (recorded.planned, recorded.backfilled, recorded.number) == (planned, True, 1)
        assert (await standing(engine)).number == 1

    async def test_occurrences_are_listed_latest_first(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        for _ in range(5):
            clock.advance("1m")
            await turn(engine)
        planned = [row.planned for row in await engine.schedules.occurrences("tick", 3)]
        assert planned == [clock.now() - ago * MINUTE for ago in range(3)]
        rest = await engine.schedules.occurrences("tick", 10, before=planned[-1])
        assert [row.number for row in rest] == [2, 1]
        assert rest[0].previous == rest[1].planned

    async def test_an_occurrence_tells_what_became_of_its_job(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        planned = clock.now()
        await turn(engine)
        await one(engine)
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert (row.kind, row.job_id) == ("enqueued", await job_id(engine, planned))
        assert (row.recorded_at, row.started_at, row.finished_at) == (planned, planned, None)
        assert row.state is State.RUNNING

    async def test_what_was_skipped_is_recorded_without_a_job(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(overlap="skip"), replace=False)
        clock.advance("1m")
        (job_id,) = await turn(engine)
        clock.advance("1m")
        (due,) = (await engine.schedules.due(10)).due
        assert due.live == (job_id,)
        assert await turn(engine) == ()
        latest, _ = await engine.schedules.occurrences("tick", 10)
        assert (latest.kind, latest.job_id, latest.state) == ("skipped", None, None)
        assert latest.why == "the one before still runs"

    async def test_a_held_one_stays_due(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(overlap="queue-one"), replace=False)
        clock.advance("1m")
        (first,) = await turn(engine)
        clock.advance("1m")
        assert await turn(engine) == ()
        held = clock.now()
        (due,) = (await engine.schedules.due(10)).due
        assert (due.standing.held, due.live) == (held, (first,))
        assert due.standing.held_previous == held - MINUTE
        assert await engine.controller.cancel([first]) == (first,)
        assert await turn(engine) == (await job_id(engine, held),)
        assert (await engine.schedules.due(10)).due == ()

    async def test_a_move_cancels_what_lives(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(overlap="cancel-running"), replace=False)
        clock.advance("1m")
        (waiting,) = await turn(engine)
        clock.advance("1m")
        (second,) = await turn(engine)
        assert (await look(engine, waiting)).state is State.CANCELLED
        await one(engine)
        clock.advance("1m")
        await turn(engine)
        assert (await engine.leases.renew("w1")).cancels == (second,)

    async def test_a_paused_one_is_not_due(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        assert await engine.schedules.switch(["tick", "stranger"], "pause") == ("tick",)
        assert await engine.schedules.switch(["tick"], "pause") == ()
        clock.advance("5m")
        batch = await engine.schedules.due(10)
        assert (batch.due, batch.next_in) == ((), None)
        assert await engine.schedules.switch(["tick"], "resume") == ("tick",)
        assert (await standing(engine)).since == clock.now()
        assert len(await turn(engine)) == 1

    async def test_a_paused_one_takes_a_move_by_hand(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        await engine.schedules.switch(["tick"], "pause")
        found = await standing(engine)
        occurrence = make(read(found.spec), clock.now(), None)
        move = by_hand(found, occurrences=(occurrence,))
        assert (await engine.schedules.advance([replace(move, by_hand=False)])).accepted == ()
        assert (await engine.schedules.advance([move])).made == (await job_id(engine, clock.now()),)

    async def test_a_deleted_one_leaves_its_jobs(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        (job_id,) = await turn(engine)
        assert (await engine.schedules.delete_schedules(["tick"])).names == ("tick",)
        assert await engine.schedules.standings(["tick"]) == ()
        assert await engine.schedules.occurrences("tick", 10) == ()
        assert (await look(engine, job_id)).state is State.QUEUED

    async def test_a_broken_one_is_set_aside(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        batch = await engine.schedules.due(10)
        await engine.schedules.advance([give_up(batch.due[0], "no zone data", batch.now)])
        found = await standing(engine)
        assert (found.broken, found.next) == ("no zone data", clock.now())
        assert (await engine.schedules.due(10)).due == ()
        clock.advance("1m")
        assert len(await turn(engine)) == 2
        assert (await standing(engine)).broken is None

    async def test_standings_come_page_by_page(self, engine: Roles) -> None:
        for name in ("c", "a", "b"):
            await engine.schedules.put_schedule(tick(name), replace=False)
        assert [one.name for one in await engine.schedules.standings(limit=2)] == ["a", "b"]
        assert [found.name for found in await engine.schedules.standings(after="b")] == ["c"]
        some = await engine.schedules.standings(["c", "x", "a"])
        assert [found.name for found in some] == ["a", "c"]


def by_hand(found: Standing, **fields: Any) -> Advance:
    """Build a move that leaves a schedule's position as it is."""
    return replace(staying(found), by_hand=True, **fields)
