"""What is recorded of an occurrence whose unique key another job holds."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.roles.schedule_store import Advanced
from dutiful.core.advance import advance
from dutiful.core.errors import DuplicateJob
from dutiful.core.instant import MINUTE
from dutiful.core.job import NewJob
from dutiful.core.occurrence import Advance, GaveWay, Occurrence
from dutiful.core.outcome import Succeeded
from dutiful.core.unique import Conflict, Unique
from dutiful.testing.conformance.moves import end, everything, look, new, one
from dutiful.testing.conformance.requires import needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.schedule_moves import job_id, standing, tick, turn
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.SCHEDULES, Capability.INSPECT, Capability.UNIQUE)
@needs_step
class GivingWayContract(Contract):
    """Holds `core.occurrence.GaveWay`, and ``raise`` in the jobs of occurrences."""

    async def test_one_that_gives_way_is_recorded_as_skipped(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        holder = await held(engine, clock)
        answer = await engine.schedules.advance([await keyed(engine, "existing")])
        planned = clock.now()
        assert (answer.accepted, answer.made) == (("tick",), ())
        assert answer.gave_way == (GaveWay("tick", planned, holder),)
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert (row.kind, row.job_id, row.state, row.number) == ("skipped", None, None, 1)
        assert row.why == f"job {holder} holds its unique key"
        assert (await standing(engine)).last == planned
        assert [job.id for job in await everything(engine)] == [holder]

    async def test_it_is_nobodys_job_and_never_late(self, engine: Roles, clock: SuiteClock) -> None:
        await held(engine, clock)
        await engine.schedules.advance([await keyed(engine, "existing")])
        clock.advance("1h")
        assert await engine.schedules.review(10) == ()
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert (row.state, row.reported) == (None, ())

    async def test_one_that_replaces_has_the_job_that_runs_it(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        holder = await held(engine, clock)
        answer = await engine.schedules.advance([await keyed(engine, "replace")])
        assert answer.made == ()
        assert answer.gave_way == (GaveWay("tick", clock.now(), holder, replaced=True),)
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert (row.kind, row.job_id) == ("enqueued", holder)
        assert row.why == f"job {holder} held its unique key, and runs in its place"
        assert (await look(engine, holder)).meta["planned"] == str(clock.now())
        await end(engine, await one(engine), Succeeded())
        await engine.schedules.review(10)
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert row.state is not None
        assert row.state.final

    async def test_a_running_holder_is_not_replaced(self, engine: Roles, clock: SuiteClock) -> None:
        holder = await held(engine, clock)
        await one(engine)
        await engine.schedules.advance([await keyed(engine, "replace")])
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert (row.kind, row.why) == ("skipped", f"job {holder} holds its unique key")

    async def test_two_of_one_move_share_a_key(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(unique=Unique(key="k")), replace=False)
        clock.advance("2m")
        first = await job_id(engine, clock.now() - MINUTE)
        assert await turn(engine) == (first,)
        later, earlier = await engine.schedules.occurrences("tick", 10)
        assert (earlier.kind, earlier.job_id) == ("enqueued", first)
        assert (later.kind, later.job_id) == ("skipped", None)

    async def test_a_key_that_is_free_again_admits_the_next(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(unique=Unique(key="k")), replace=False)
        kinds = list[str]()
        for round_ in range(3):
            clock.advance("1m")
            made = await turn(engine)
            kinds += [(await engine.schedules.occurrences("tick", 1))[0].kind]
            assert made == ((await job_id(engine, clock.now()),) if round_ != 1 else ())
            if round_ == 1:
                await end(engine, await one(engine), Succeeded())
        assert kinds == ["enqueued", "skipped", "enqueued"]

    async def test_raise_refuses_and_nothing_is_written(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        holder = await held(engine, clock)
        await engine.schedules.put_schedule(tick("other"), replace=False)
        clock.advance("1m")
        batch = await engine.schedules.due(10)
        before = await engine.schedules.standings()
        moves = [move for due in batch.due if (move := advance(due, batch.now)) is not None]
        moves = [_keyed(move, "raise") if move.name == "tick" else move for move in moves]
        for order in (moves, moves[::-1]):
            with pytest.raises(DuplicateJob) as refused:
                await engine.schedules.advance(order)
            assert (refused.value.key, refused.value.existing) == ("k", holder)
            assert await engine.schedules.standings() == before
            assert [job.id for job in await everything(engine)] == [holder]
            for name in ("tick", "other"):
                assert await engine.schedules.occurrences(name, 10) == ()
        assert (await engine.inspector.tally())["enqueued"] == 1
        (other,) = [move for move in moves if move.name == "other"]
        assert (await engine.schedules.advance([other])).accepted == ("other",)

    async def test_raise_does_nothing_where_the_key_is_free(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        answer: Advanced = await engine.schedules.advance([await keyed(engine, "raise")])
        assert answer.made == (await job_id(engine, clock.now()),)
        assert answer.gave_way == ()


async def held(engine: Roles, clock: SuiteClock) -> str:
    """Create a schedule that is due, and a job that holds key ``k``; return the job's id."""
    await engine.schedules.put_schedule(tick(), replace=False)
    (receipt,) = await engine.producer.enqueue([new(unique=Unique(key="k"))])
    clock.advance("1m")
    return receipt.id


async def keyed(engine: Roles, on_conflict: Conflict) -> Advance:
    """Decide what is due, as a scheduler does, and give its jobs key ``k``, as a hook does."""
    batch = await engine.schedules.due(10)
    move = advance(batch.due[0], batch.now)
    assert move is not None
    return _keyed(move, on_conflict)


def _keyed(move: Advance, on_conflict: Conflict) -> Advance:
    rule = Unique(key="k", on_conflict=on_conflict)

    def given(occurrence: Occurrence) -> Occurrence:
        job: NewJob | None = occurrence.job
        return replace(occurrence, job=None if job is None else replace(job, unique=rule))

    return replace(move, occurrences=tuple(map(given, move.occurrences)))
