"""Recording starts and ends of occurrences' jobs, and reporting missed deadlines."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.core.instant import MINUTE, SECOND
from dutiful.core.outcome import Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import FAILED, end, one
from dutiful.testing.conformance.requires import needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.schedule_moves import tick, turn
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.SCHEDULES, Capability.INSPECT)
@needs_step
class ReviewContract(Contract):
    """Holds `Scheduling.review`."""

    async def test_a_job_that_does_not_start_is_told_of_once(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(start_within=30 * SECOND), replace=False)
        clock.advance("1m")
        await turn(engine)
        clock.advance("30s")
        assert await engine.schedules.review(10) == ()
        clock.advance("1s")
        (late,) = await engine.schedules.review(10)
        assert (late.what, late.occurrence.schedule) == ("start", "tick")
        assert late.occurrence.state is State.QUEUED
        assert await engine.schedules.review(10) == ()

    async def test_a_job_that_does_not_end_is_told_of_once(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(
            tick(start_within=None, finish_within=MINUTE), replace=False
        )
        clock.advance("1m")
        await turn(engine)
        claim = await one(engine)
        clock.advance("61s")
        (late,) = await engine.schedules.review(10)
        assert late.what == "finish"
        assert await end(engine, claim, Succeeded(b"1"))
        assert await engine.schedules.review(10) == ()

    async def test_history_outlives_its_jobs(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.schedules.put_schedule(tick(), replace=False)
        clock.advance("1m")
        await turn(engine)
        claim = await one(engine)
        clock.advance("5s")
        assert await end(engine, claim, Succeeded(b"1"))
        assert await engine.schedules.review(10) == ()
        assert await engine.controller.purge([claim.job.id]) == (claim.job.id,)
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert row.state is State.SUCCEEDED
        assert row.started_at is not None
        assert row.finished_at == row.started_at + 5 * SECOND

    async def test_of_two_who_review_one_is_told(
        self, engines: tuple[Roles, Roles], clock: SuiteClock
    ) -> None:
        await engines[0].schedules.put_schedule(tick(start_within=SECOND), replace=False)
        clock.advance("1m")
        await turn(engines[0])
        clock.advance("2s")
        answers = await asyncio.gather(*(engine.schedules.review(10) for engine in engines))
        assert sum(len(answer) for answer in answers) == 1

    async def test_what_starts_late_is_told_of_even_if_it_has_started(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(start_within=SECOND), replace=False)
        clock.advance("1m")
        await turn(engine)
        clock.advance("2s")
        await one(engine)
        (late,) = await engine.schedules.review(10)
        assert (late.what, late.occurrence.state) == ("start", State.RUNNING)
        assert await engine.schedules.review(10) == ()

    async def test_a_retry_does_not_count_as_a_late_start(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(start_within=SECOND), replace=False)
        clock.advance("1m")
        await turn(engine)
        claim = await one(engine)
        assert await engine.schedules.review(10) == ()
        assert await end(engine, claim, FAILED)
        clock.advance("1m")
        assert (await one(engine)).job.attempt == 2
        assert await engine.schedules.review(10) == ()

    async def test_a_limit_leaves_the_rest_for_the_next_review(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        for name in ("a", "b"):
            late = tick(name, start_within=SECOND, finish_within=SECOND)
            await engine.schedules.put_schedule(late, replace=False)
        clock.advance("1m")
        await turn(engine)
        clock.advance("2s")
        reported = [(await engine.schedules.review(limit)) for limit in (1, 2, 10, 10)]
        found = [[(late.occurrence.schedule, late.what) for late in answer] for answer in reported]
        assert found[0] == [("a", "start")]
        assert sorted(found[1] + found[2]) == [("a", "finish"), ("b", "finish"), ("b", "start")]
        assert found[3] == []

    async def test_a_purged_job_closes_its_occurrence(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.schedules.put_schedule(tick(start_within=MINUTE), replace=False)
        clock.advance("1m")
        (job_id,) = await turn(engine)
        await engine.controller.cancel([job_id])
        await engine.controller.purge([job_id])
        clock.advance("2m")
        assert await engine.schedules.review(10) == ()
        (row,) = await engine.schedules.occurrences("tick", 10)
        assert (row.job_id, row.state) == (job_id, None)
