"""Refusing what a stale attempt writes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.core.outcome import Discarded, Outcome, Released, Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import add, end, ending, look, new, one, put, rescue, take
from dutiful.testing.conformance.outcomes import OUTCOMES
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract


@requires(Capability.FENCED)
class StaleContract(Contract):
    """Holds what `Consumer.exchange` refuses."""

    @requires(Capability.INSPECT, Capability.FLEET)
    async def test_one_stale_settlement_does_not_hold_up_the_others(self, engine: Roles) -> None:
        await put(engine, [new() for _ in range(3)])
        claims = await take(engine, 3)
        await rescue(engine, claims[1])
        batch = [ending(claim, Succeeded()) for claim in claims]
        answer = await engine.consumer.exchange("w1", batch, None)
        assert answer.refused == (claims[1].job.id,)
        assert (await look(engine, claims[0].job.id)).state is State.SUCCEEDED
        assert (await look(engine, claims[2].job.id)).state is State.SUCCEEDED

    @requires(Capability.INSPECT, Capability.FLEET)
    @pytest.mark.parametrize("outcome", OUTCOMES)
    async def test_a_stale_claim_is_refused_and_changes_nothing_while_another_runs(
        self, engine: Roles, outcome: Outcome
    ) -> None:
        job_id = await add(engine)
        stale = await one(engine)
        await rescue(engine, stale)
        await one(engine)
        before = (await look(engine, job_id), await engine.inspector.errors(job_id))
        assert not await end(engine, stale, outcome)
        assert (await look(engine, job_id), await engine.inspector.errors(job_id)) == before

    @requires(Capability.INSPECT)
    async def test_a_stale_claim_is_refused_after_the_job_ended(self, engine: Roles) -> None:
        job_id = await add(engine)
        stale = await one(engine)
        await end(engine, stale, Released())
        await end(engine, await one(engine), Succeeded())
        assert not await end(engine, stale, Discarded("late"))
        assert (await look(engine, job_id)).state is State.SUCCEEDED

    async def test_a_claim_of_the_future_is_refused(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        ahead = replace(claim, job=replace(claim.job, fence=claim.job.fence + 1))
        assert not await end(engine, ahead, Succeeded())
        assert await end(engine, claim, Succeeded())

    @requires(Capability.PURGE)
    async def test_a_settlement_of_a_purged_job_is_refused(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        await end(engine, claim, Succeeded())
        await engine.controller.purge([claim.job.id])
        assert not await end(engine, claim, Succeeded())
