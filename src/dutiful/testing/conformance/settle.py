"""Taking the ends of attempts back."""

from __future__ import annotations

import pytest

from dutiful.contract.capability import Capability
from dutiful.contract.engine import AttemptCounter
from dutiful.contract.roles.consumer import Wanted
from dutiful.core.instant import HOUR, SECOND
from dutiful.core.outcome import (
    Cancelled,
    Discarded,
    Expired,
    Outcome,
    Released,
    Snoozed,
    Succeeded,
    Undecodable,
    Unknown,
)
from dutiful.core.state import State
from dutiful.testing.conformance.moves import (
    FAILED,
    add,
    comes_at,
    end,
    ending,
    look,
    new,
    one,
    put,
    quick,
    take,
)
from dutiful.testing.conformance.outcomes import OUTCOMES
from dutiful.testing.conformance.requires import counted_by, needs_advance, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock, unit


class SettleContract(Contract):
    """Holds the settling half of `Consumer.exchange`."""

    @requires(Capability.INSPECT)
    @needs_step
    async def test_success_ends_the_job(self, engine: Roles, clock: SuiteClock) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        clock.advance("3s")
        assert await end(engine, claim, Succeeded())
        job = await look(engine, job_id)
        assert (job.state, job.attempt, job.worker) == (State.SUCCEEDED, 1, None)
        assert (job.finished_at, job.reason) == (clock.now(), None)

    @requires(Capability.INSPECT, Capability.RESULTS)
    async def test_success_keeps_the_result(self, engine: Roles) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Succeeded(b'{"paid":true}'))
        assert (await look(engine, job_id)).result == b'{"paid":true}'

    @requires(Capability.INSPECT)
    @needs_step
    async def test_a_failure_is_tried_again_after_its_delay(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), FAILED)
        job = await look(engine, job_id)
        assert (job.state, job.attempt, job.worker) == (State.SCHEDULED, 1, None)
        assert job.run_at == clock.now() + 10 * SECOND

    @needs_advance()
    async def test_a_retry_runs_when_it_is_due(self, engine: Roles, clock: SuiteClock) -> None:
        await add(engine)
        claim, due = await one(engine), clock.ticks() + unit(clock)
        await end(engine, claim, FAILED, rules=quick(clock))
        assert (await comes_at(engine, clock, due)).job.attempt == 2

    @requires(Capability.INSPECT)
    async def test_the_last_failure_makes_a_dead_letter(self, engine: Roles) -> None:
        job_id = await add(engine, max_attempts=1)
        await end(engine, await one(engine), FAILED)
        job = await look(engine, job_id)
        assert (job.state, job.reason, job.attempt) == (State.DEAD, "attempts-spent", 1)

    @requires(Capability.INSPECT)
    @needs_step
    async def test_the_delay_counts_from_the_stores_clock(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        settlement = ending(await one(engine), FAILED)
        clock.advance("1h")
        await engine.consumer.exchange("w1", [settlement], None)
        assert (await look(engine, job_id)).run_at == clock.now() + 10 * SECOND

    @requires(Capability.INSPECT)
    @counted_by(AttemptCounter.STORE)
    @needs_step
    async def test_a_snooze_waits_and_spends_no_attempt(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Snoozed(HOUR))
        job = await look(engine, job_id)
        assert (job.state, job.attempt) == (State.WAITING, 0)
        assert job.run_at == clock.now() + HOUR

    @needs_advance()
    async def test_a_snoozed_job_wakes(self, engine: Roles, clock: SuiteClock) -> None:
        await add(engine)
        claim, due = await one(engine), clock.ticks() + unit(clock)
        await end(engine, claim, Snoozed(unit(clock)))
        assert (await comes_at(engine, clock, due)).job.attempt == _next(engine)

    @needs_advance()
    async def test_a_snooze_until_an_instant_is_obeyed(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        claim, due = await one(engine), clock.ticks() + unit(clock)
        await end(engine, claim, Snoozed(until=clock.now() + unit(clock)))
        assert (await comes_at(engine, clock, due)).job.attempt == _next(engine)

    async def test_a_released_job_is_claimed_again(self, engine: Roles) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Released())
        job = (await one(engine)).job
        assert (job.id, job.attempt, job.crashes) == (job_id, _next(engine), 0)

    @counted_by(AttemptCounter.STORE)
    async def test_a_released_attempt_is_not_spent(self, engine: Roles) -> None:
        await add(engine)
        for _ in range(3):
            claim = await one(engine)
            assert claim.job.attempt == 1
            await end(engine, claim, Released())

    @counted_by(AttemptCounter.BROKER)
    async def test_every_delivery_is_counted(self, engine: Roles) -> None:
        await add(engine)
        for delivery in (1, 2, 3):
            claim = await one(engine)
            assert claim.job.attempt == delivery
            await end(engine, claim, Released())

    @pytest.mark.parametrize("outcome", [Succeeded(), Discarded("no use"), Cancelled("enough")])
    async def test_an_end_can_be_sent_again(self, engine: Roles, outcome: Outcome) -> None:
        await add(engine)
        claim = await one(engine)
        assert await end(engine, claim, outcome)
        assert await end(engine, claim, outcome)
        assert await take(engine) == ()

    @requires(Capability.ORDER)
    @needs_advance("1s")
    async def test_a_released_job_keeps_its_place_in_the_queue(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        first = await add(engine)
        claim = await one(engine)
        clock.advance("1s")
        await add(engine)
        await end(engine, claim, Released())
        assert (await one(engine)).job.id == first

    @requires(Capability.INSPECT)
    @pytest.mark.parametrize(
        ("outcome", "reason"),
        [
            (Discarded("no use"), "discarded"),
            (Undecodable("no such field"), "bad-payload"),
            (Expired(), "expired"),
        ],
    )
    async def test_a_dead_letter_says_why(
        self, engine: Roles, outcome: Outcome, reason: str
    ) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), outcome)
        job = await look(engine, job_id)
        assert (job.state, job.reason, job.worker) == (State.DEAD, reason, None)
        assert len(await engine.inspector.errors(job_id)) == 1

    @requires(Capability.INSPECT)
    async def test_a_cancelled_attempt_ends_the_job_with_its_reason(self, engine: Roles) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Cancelled("enough"))
        job = await look(engine, job_id)
        assert (job.state, job.reason) == (State.CANCELLED, "enough")

    @requires(Capability.INSPECT)
    @counted_by(AttemptCounter.STORE)
    @needs_step
    async def test_a_parked_job_remembers_since_when(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        since = clock.now()
        await end(engine, await one(engine), Unknown())
        clock.advance("15s")
        await end(engine, await one(engine), Unknown())
        job = await look(engine, job_id)
        assert (job.state, job.reason, job.attempt) == (State.SCHEDULED, "unknown-task", 0)
        assert (job.parked_at, job.run_at) == (since, clock.now() + 15 * SECOND)

    @requires(Capability.INSPECT)
    @pytest.mark.parametrize("outcome", [FAILED, Succeeded()])
    @needs_advance("15s")
    async def test_a_job_that_was_parked_and_ran_is_no_longer_parked(
        self, engine: Roles, clock: SuiteClock, outcome: Outcome
    ) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Unknown())
        clock.advance("15s")
        await end(engine, await one(engine), outcome)
        job = await look(engine, job_id)
        assert (job.reason, job.parked_at) == (None, None)

    @requires(Capability.INSPECT)
    @needs_advance("30s")
    async def test_every_failed_attempt_keeps_its_error(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        for _ in range(3):
            await end(engine, await one(engine), FAILED)
            clock.advance("10s")
        errors = await engine.inspector.errors(job_id)
        assert [error.attempt for error in errors] == [1, 2, 3]
        kept = {(error.worker, error.type, error.message, error.traceback) for error in errors}
        assert kept == {("w1", "ValueError", "no such order", "Traceback: ...")}

    @requires(Capability.INSPECT)
    @pytest.mark.parametrize("outcome", OUTCOMES)
    async def test_the_same_settlement_again_is_accepted_and_changes_nothing(
        self, engine: Roles, outcome: Outcome
    ) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        assert await end(engine, claim, outcome)
        before = (await look(engine, job_id), await engine.inspector.errors(job_id))
        assert await end(engine, claim, outcome)
        assert (await look(engine, job_id), await engine.inspector.errors(job_id)) == before

    @requires(Capability.INSPECT)
    async def test_one_batch_settles_many_jobs_in_many_ways(self, engine: Roles) -> None:
        outcomes: list[Outcome] = [
            Succeeded(),
            FAILED,
            Snoozed(SECOND),
            Released(),
            Discarded("x"),
            Cancelled(),
        ]
        await put(engine, [new() for _ in outcomes])
        claims = await take(engine, len(outcomes))
        batch = [ending(claim, outcome) for claim, outcome in zip(claims, outcomes, strict=True)]
        assert (await engine.consumer.exchange("w1", batch, None)).refused == ()
        states = [(await look(engine, claim.job.id)).state.word for claim in claims]
        assert states == ["succeeded", "scheduled", "waiting", "queued", "dead", "cancelled"]

    @requires(Capability.FLEET)
    async def test_a_worker_nobody_knows_may_still_settle_its_valid_claim(
        self, engine: Roles
    ) -> None:
        await add(engine)
        claim = await one(engine)
        await engine.fleet.leave("w1")
        answer = await engine.consumer.exchange(
            "w1", [ending(claim, Succeeded())], Wanted(("default",), 1)
        )
        assert (answer.refused, answer.lost) == ((), True)


def _next(engine: Roles) -> int:
    """Return the attempt that follows the first, when that was not to be spent."""
    return 2 if engine.attempt_counter is AttemptCounter.BROKER else 1
