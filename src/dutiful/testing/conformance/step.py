"""Recording the parts of a job that must not run twice."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.core.outcome import Discarded, Released, Succeeded
from dutiful.testing.conformance.moves import FAILED, add, end, look, one, rescue
from dutiful.testing.conformance.requires import needs_advance, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.STEPS)
class StepContract(Contract):
    """Holds `Consumer.record_step` and what becomes of its records."""

    async def test_a_first_claim_has_no_steps(self, engine: Roles) -> None:
        await add(engine)
        assert (await one(engine)).steps == {}

    @needs_advance("10s")
    async def test_a_recorded_step_comes_with_the_next_claim(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        claim = await one(engine)
        assert await engine.consumer.record_step(claim, "charge", b'"ch_1"')
        assert await engine.consumer.record_step(claim, "mail", b"null")
        await end(engine, claim, FAILED)
        clock.advance("10s")
        assert (await one(engine)).steps == {"charge": b'"ch_1"', "mail": b"null"}

    async def test_recording_a_step_again_keeps_the_first_result(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        assert await engine.consumer.record_step(claim, "charge", b"1")
        assert await engine.consumer.record_step(claim, "charge", b"2")
        await end(engine, claim, Released())
        assert (await one(engine)).steps == {"charge": b"1"}

    @requires(Capability.INSPECT)
    async def test_a_step_recorded_twice_counts_once(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.consumer.record_step(claim, "charge", b"1")
        await engine.consumer.record_step(claim, "charge", b"1")
        assert (await look(engine, job_id)).steps == 1

    @requires(Capability.INSPECT)
    async def test_steps_can_be_looked_at_while_the_job_runs(self, engine: Roles) -> None:
        job_id = await add(engine)
        await engine.consumer.record_step(await one(engine), "charge", b"1")
        assert await engine.inspector.steps(job_id) == {"charge": b"1"}

    @requires(Capability.INSPECT, Capability.FENCED)
    async def test_a_settled_claim_records_nothing(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await end(engine, claim, Succeeded())
        assert not await engine.consumer.record_step(claim, "late", b"1")
        assert await engine.inspector.steps(job_id) == {}

    @requires(Capability.INSPECT, Capability.FLEET, Capability.FENCED)
    async def test_a_rescued_claim_records_nothing(self, engine: Roles) -> None:
        job_id = await add(engine)
        stale = await one(engine)
        await rescue(engine, stale)
        assert not await engine.consumer.record_step(stale, "late", b"1")
        assert await engine.inspector.steps(job_id) == {}

    @requires(Capability.INSPECT, Capability.FLEET, Capability.FENCED)
    async def test_a_stale_claim_records_nothing_while_another_runs(self, engine: Roles) -> None:
        job_id = await add(engine)
        stale = await one(engine)
        await rescue(engine, stale)
        fresh = await one(engine)
        assert not await engine.consumer.record_step(stale, "charge", b"stale")
        assert await engine.consumer.record_step(fresh, "charge", b"fresh")
        assert await engine.inspector.steps(job_id) == {"charge": b"fresh"}

    @requires(Capability.FLEET, Capability.FENCED)
    async def test_steps_survive_the_death_of_the_worker(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        await engine.consumer.record_step(claim, "charge", b"1")
        await rescue(engine, claim)
        assert (await one(engine)).steps == {"charge": b"1"}

    async def test_steps_of_one_job_are_not_given_to_another(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        await engine.consumer.record_step(claim, "charge", b"1")
        await add(engine)
        assert (await one(engine)).steps == {}

    @requires(Capability.INSPECT)
    async def test_steps_recorded_at_once_are_all_kept(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        names = [f"step {number}" for number in range(20)]
        await asyncio.gather(*(engine.consumer.record_step(claim, name, b"1") for name in names))
        assert await engine.inspector.steps(job_id) == dict.fromkeys(names, b"1")
        assert (await look(engine, job_id)).steps == 20

    @requires(Capability.INSPECT)
    async def test_steps_of_a_dead_letter_can_be_read(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.consumer.record_step(claim, "charge", b"1")
        await end(engine, claim, Discarded("no use"))
        assert await engine.inspector.steps(job_id) == {"charge": b"1"}

    @requires(Capability.INSPECT)
    async def test_a_job_nobody_knows_has_no_steps(self, engine: Roles) -> None:
        assert await engine.inspector.steps("nobody") == {}
