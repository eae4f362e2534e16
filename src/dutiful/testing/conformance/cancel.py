"""Cancelling jobs, and making them due by hand."""

from __future__ import annotations

import pytest

from dutiful.contract.capability import Capability
from dutiful.core.instant import HOUR
from dutiful.core.outcome import (
    Cancelled,
    Discarded,
    Outcome,
    Released,
    Snoozed,
    Succeeded,
    Unknown,
)
from dutiful.core.state import State
from dutiful.core.unique import unique
from dutiful.testing.conformance.moves import (
    FAILED,
    add,
    end,
    kill,
    look,
    new,
    one,
    put,
    rescue,
    take,
)
from dutiful.testing.conformance.requires import needs_advance, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.CANCEL, Capability.INSPECT)
class CancelContract(Contract):
    """Holds `Controller.cancel` and `Controller.run_now`."""

    @needs_step
    async def test_a_queued_job_is_cancelled_at_once(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        assert await engine.controller.cancel([job_id]) == (job_id,)
        job = await look(engine, job_id)
        assert (job.state, job.reason) == (State.CANCELLED, "cancelled")
        assert job.finished_at == clock.now()
        assert await take(engine) == ()

    @requires(Capability.DELAY)
    @needs_advance("2h")
    async def test_a_scheduled_job_is_cancelled_at_once(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine, delay=HOUR)
        assert await engine.controller.cancel([job_id]) == (job_id,)
        clock.advance("2h")
        assert await take(engine) == ()
        assert (await look(engine, job_id)).state is State.CANCELLED

    @needs_advance("2h")
    async def test_a_waiting_job_is_cancelled_at_once(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Snoozed(HOUR))
        assert await engine.controller.cancel([job_id]) == (job_id,)
        clock.advance("2h")
        assert await take(engine) == ()

    async def test_a_parked_job_is_cancelled_and_no_longer_parked(self, engine: Roles) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Unknown())
        await engine.controller.cancel([job_id])
        job = await look(engine, job_id)
        assert (job.state, job.reason, job.parked_at) == (State.CANCELLED, "cancelled", None)

    async def test_a_running_job_is_asked_to_end(self, engine: Roles) -> None:
        job_id = await add(engine)
        await one(engine)
        assert await engine.controller.cancel([job_id]) == (job_id,)
        job = await look(engine, job_id)
        assert (job.state, job.cancel_requested) == (State.RUNNING, True)

    async def test_the_worker_hears_of_it_with_its_next_renewal(self, engine: Roles) -> None:
        await put(engine, [new(), new()])
        first, _ = await take(engine, 2)
        await engine.controller.cancel([first.job.id])
        assert (await engine.leases.renew("w1")).cancels == (first.job.id,)

    async def test_other_workers_do_not_hear_of_it(self, engines: tuple[Roles, Roles]) -> None:
        job_id = await add(engines[0])
        await one(engines[0])
        await engines[1].controller.cancel([job_id])
        assert (await engines[1].leases.renew("w2")).cancels == ()

    async def test_a_cancel_ends_being_told_when_the_job_has_ended(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.controller.cancel([job_id])
        await end(engine, claim, Cancelled())
        assert (await engine.leases.renew("w1")).cancels == ()
        assert (await look(engine, job_id)).state is State.CANCELLED

    @pytest.mark.parametrize("outcome", [FAILED, Snoozed(HOUR), Released(), Unknown()])
    @needs_step
    async def test_a_settlement_that_would_bring_the_job_back_cancels_it(
        self, engine: Roles, clock: SuiteClock, outcome: Outcome
    ) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.controller.cancel([job_id])
        assert await end(engine, claim, outcome)
        job = await look(engine, job_id)
        assert (job.state, job.reason) == (State.CANCELLED, "cancelled")
        assert (job.finished_at, job.cancel_requested) == (clock.now(), False)

    async def test_the_error_of_a_failure_is_kept_all_the_same(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.controller.cancel([job_id])
        await end(engine, claim, FAILED)
        assert len(await engine.inspector.errors(job_id)) == 1

    @pytest.mark.parametrize(
        ("outcome", "state"),
        [(Succeeded(), State.SUCCEEDED), (Discarded("x"), State.DEAD)],
    )
    async def test_an_attempt_that_ended_the_job_first_stands(
        self, engine: Roles, outcome: Outcome, state: State
    ) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.controller.cancel([job_id])
        await end(engine, claim, outcome)
        assert (await look(engine, job_id)).state is state

    @requires(Capability.FLEET, Capability.FENCED)
    async def test_a_rescue_of_a_job_asked_to_end_cancels_it(self, engine: Roles) -> None:
        job_id = await add(engine)
        stale = await one(engine)
        await engine.controller.cancel([job_id])
        assert await rescue(engine, stale)
        job = await look(engine, job_id)
        assert (job.state, job.fence) == (State.CANCELLED, stale.job.fence + 1)
        assert not await end(engine, stale, Succeeded())

    async def test_jobs_that_ended_are_left_alone(self, engine: Roles) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Succeeded())
        before = await look(engine, job_id)
        assert await engine.controller.cancel([job_id]) == ()
        assert await look(engine, job_id) == before

    async def test_cancelling_twice_changes_nothing_more(self, engine: Roles) -> None:
        job_id = await add(engine)
        await engine.controller.cancel([job_id])
        assert await engine.controller.cancel([job_id]) == ()

    async def test_unknown_ids_are_passed_over(self, engine: Roles) -> None:
        job_id = await add(engine)
        assert await engine.controller.cancel(["nobody", job_id]) == (job_id,)
        assert await engine.controller.cancel([]) == ()

    @requires(Capability.UNIQUE)
    async def test_a_cancelled_job_gives_its_unique_key_back(self, engine: Roles) -> None:
        job_id = await add(engine, unique=unique("k"))
        await engine.controller.cancel([job_id])
        assert (await engine.producer.enqueue([new(unique=unique("k"))]))[0].created

    @requires(Capability.DELAY)
    @needs_step
    async def test_a_hurried_job_is_due_now(self, engine: Roles, clock: SuiteClock) -> None:
        job_id = await add(engine, delay=HOUR)
        assert await engine.controller.run_now([job_id]) == (job_id,)
        job = await look(engine, job_id)
        assert (job.state, job.run_at) == (State.QUEUED, clock.now())
        assert (await one(engine)).job.id == job_id

    async def test_waiting_and_retrying_jobs_can_be_hurried(self, engine: Roles) -> None:
        snoozed, failed = await add(engine), await add(engine)
        first, second = await take(engine, 2)
        await end(engine, first, Snoozed(HOUR))
        await end(engine, second, FAILED)
        assert set(await engine.controller.run_now([snoozed, failed])) == {snoozed, failed}
        assert len(await take(engine, 5)) == 2

    async def test_only_jobs_that_wait_for_a_time_are_hurried(self, engine: Roles) -> None:
        dead = await kill(engine)
        running = await add(engine)
        await one(engine)
        queued = await add(engine)
        assert await engine.controller.run_now([dead, running, queued, "nobody"]) == ()
