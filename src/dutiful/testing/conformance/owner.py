"""Whose a schedule is, and that one made again under an old name is another."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.core.advance import make, staying
from dutiful.core.errors import ScheduleTaken
from dutiful.core.instant import MINUTE
from dutiful.core.occurrence import Standing
from dutiful.core.outcome import Succeeded
from dutiful.core.retirement import Missed
from dutiful.core.schedule import Schedule, read
from dutiful.testing.conformance.moves import end, everything, look, one
from dutiful.testing.conformance.requires import needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.schedule_moves import job_id, standing, tick, turn
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


def ours(app: str | None, name: str = "tick", **fields: Any) -> Schedule:
    """Make a schedule that an app declares."""
    return tick(name, app=app, **fields)


@requires(Capability.SCHEDULES, Capability.INSPECT)
@needs_step
class OwnerContract(Contract):
    """Holds `core.ownership`, and what deleting a schedule means."""

    async def test_a_schedule_of_another_app_is_not_taken_over(self, engine: Roles) -> None:
        await engine.schedules.declare("a", "a1", [ours("a"), ours("a", "other")])
        before = await engine.schedules.standings()
        with pytest.raises(ScheduleTaken, match="'tick' belongs to app 'a', and app 'b'"):
            await engine.schedules.declare("b", "b1", [ours("b", "fine"), ours("b", task="u")])
        assert await engine.schedules.standings() == before

    async def test_what_was_refused_is_declared_under_another_name(self, engine: Roles) -> None:
        await engine.schedules.declare("a", "a1", [ours("a")])
        with pytest.raises(ScheduleTaken):
            await engine.schedules.declare("b", "b1", [ours("b")])
        answer = await engine.schedules.declare("b", "b2", [ours("b", "tick-b")])
        assert answer.added == ("tick-b",)
        assert (await engine.schedules.declare("b", "b2", [ours("b", "tick-b")])).retired == ()
        assert {one.name: one.app for one in await engine.schedules.standings()} == {
            "tick": "a",
            "tick-b": "b",
        }

    async def test_a_refused_version_does_not_rule(self, engine: Roles) -> None:
        await engine.schedules.declare("a", "a1", [ours("a")])
        await engine.schedules.declare("b", "b1", [ours("b", "fine")])
        with pytest.raises(ScheduleTaken):
            await engine.schedules.declare("b", "b2", [ours("b")])
        answer = await engine.schedules.declare("b", "b1", None)
        assert (answer.rules, answer.applied) == (True, True)

    async def test_an_app_never_retires_what_is_anothers(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.declare("a", "a1", [ours("a")])
        await engine.schedules.declare("b", "b1", [ours("b", "tick-b")])
        clock.advance("2m")
        assert (await engine.schedules.declare("b", "b2", [])).retired == ("tick-b",)
        assert (await standing(engine)).retired_at is None

    async def test_what_its_app_has_retired_may_be_taken(self, engine: Roles) -> None:
        await engine.schedules.declare("a", "a1", [ours("a")])
        await engine.schedules.declare("a", "a2", [])
        assert (await engine.schedules.declare("b", "b1", [ours("b")])).changed == ("tick",)
        assert (await standing(engine)).app == "b"
        with pytest.raises(ScheduleTaken, match="app 'b'"):
            await engine.schedules.declare("a", "a3", [ours("a")])

    async def test_code_and_run_time_do_not_overwrite_each_other(self, engine: Roles) -> None:
        await engine.schedules.put_schedule(tick("made"), replace=False)
        await engine.schedules.declare("a", "a1", [ours("a")])
        with pytest.raises(ScheduleTaken, match="'made' was created at run time"):
            await engine.schedules.declare("a", "a2", [ours("a"), ours("a", "made")])
        with pytest.raises(ScheduleTaken, match="app 'a'"):
            await engine.schedules.put_schedule(tick(task="u"), replace=True)
        assert not await engine.schedules.put_schedule(tick(task="u"), replace=False)
        assert await engine.schedules.put_schedule(tick("made", task="u"), replace=True)
        assert {one.name: one.app for one in await engine.schedules.standings()} == {
            "tick": "a",
            "made": None,
        }

    async def test_an_app_adopts_with_history_and_position(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.declare("a", "a1", [ours("a")])
        clock.advance("1m")
        (job,) = await turn(engine)
        before = await standing(engine)
        assert await engine.schedules.put_schedule(ours("b"), replace=True, adopt=True)
        after = await standing(engine)
        assert (after.app, after.number, after.next) == ("b", before.number, before.next)
        assert after.version > before.version
        assert [row.job_id for row in await engine.schedules.occurrences("tick", 10)] == [job]
        assert (await engine.schedules.declare("b", "b1", [ours("b")])).changed == ()
        with pytest.raises(ScheduleTaken, match="app 'b'"):
            await engine.schedules.declare("a", "a2", [ours("a", task="u")])

    async def test_one_that_is_made_again_has_jobs_of_its_own(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        planned = clock.now()
        (old,) = await turn(engine)
        await end(engine, await one(engine), Succeeded())
        await engine.schedules.delete_schedules(["tick"])
        clock.advance("1m")
        await engine.schedules.put_schedule(tick(task="other"), replace=False)
        assert await engine.schedules.occurrences("tick", 10) == ()
        (fresh,) = await backfilled(engine, planned)
        assert fresh != old
        assert fresh == await job_id(engine, planned)
        assert [row.job_id for row in await engine.schedules.occurrences("tick", 10)] == [fresh]
        assert (await look(engine, fresh)).task == "other"
        assert (await look(engine, old)).task == "t"
        assert await backfilled(engine, planned) == ()

    async def test_a_change_keeps_the_jobs(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.declare("a", "a1", [ours("a")])
        clock.advance("1m")
        planned = clock.now()
        (old,) = await turn(engine)
        for declaration_version, declared in (
            ("a2", [ours("a", task="u")]),
            ("a3", list[Schedule]()),
            ("a4", [ours("a")]),
        ):
            await engine.schedules.declare("a", declaration_version, declared)
        assert await job_id(engine, planned) == old
        assert await backfilled(engine, planned) == ()
        assert len(await everything(engine)) == 1

    async def test_what_a_deleted_schedule_held_is_told(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(overlap="queue-one"), replace=False)
        await engine.schedules.put_schedule(tick("idle"), replace=False)
        for _ in range(2):
            clock.advance("1m")
            await turn(engine)
        held = clock.now()
        assert (await standing(engine)).held == held
        gone = await engine.schedules.delete_schedules(["tick", "unknown", "idle", "tick"])
        assert gone.names == ("tick", "idle")
        assert gone.missed == (Missed("tick", held, 1),)
        assert (await engine.schedules.delete_schedules(["tick"])).names == ()
        assert await engine.schedules.occurrences("tick", 10) == ()

    async def test_what_was_due_when_it_was_deleted_is_told(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("3m")
        (missed,) = (await engine.schedules.delete_schedules(["tick"])).missed
        assert missed == Missed("tick", clock.now(), 3)


async def backfilled(engine: Roles, planned: int) -> tuple[str, ...]:
    """Enqueue one occurrence of the past, and return the ids of the new jobs."""
    found: Standing = await standing(engine)
    occurrence = make(read(found.spec), planned, planned - MINUTE, backfilled=True)
    move = replace(staying(found), occurrences=(occurrence,), by_hand=True)
    return (await engine.schedules.advance([move])).made
