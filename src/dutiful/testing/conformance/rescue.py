"""Taking back what dead workers held."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.core.outcome import Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import (
    FAILED,
    add,
    end,
    ending,
    hand,
    look,
    new,
    one,
    put,
    rescue,
    take,
)
from dutiful.testing.conformance.requires import needs_advance, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.FLEET)
class RescueContract(Contract):
    """Holds the claims of lost workers, and the rescue that rests on them."""

    @needs_advance("9s")
    async def test_claims_of_a_live_worker_are_not_abandoned(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        await one(engine)
        clock.advance("9s")
        assert await engine.fleet.abandoned(10) == ()

    @needs_advance("1h")
    async def test_a_silent_worker_keeps_its_claims_until_it_is_declared_lost(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        await one(engine)
        clock.advance("1h")
        assert await engine.fleet.abandoned(10) == ()

    @needs_advance("3s")
    async def test_claims_of_a_lost_worker_are_abandoned_oldest_first(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        ids: list[str] = []
        for _ in range(3):
            ids.append(await add(engine))
            await one(engine)
            clock.advance("1s")
        await engine.fleet.expire(["w1"])
        assert [claim.job.id for claim in await engine.fleet.abandoned(10)] == ids
        assert [claim.job.id for claim in await engine.fleet.abandoned(2)] == ids[:2]

    async def test_of_two_workers_claims_those_of_the_lost_one_are_abandoned(
        self, engine: Roles
    ) -> None:
        await engine.fleet.join(hand("w2"))
        lost, _, ended = await add(engine), await add(engine), await add(engine)
        await one(engine)
        await one(engine, worker="w2")
        assert await end(engine, await one(engine), Succeeded())
        await engine.fleet.expire(["w1"])
        assert [claim.job.id for claim in await engine.fleet.abandoned(10)] == [lost]
        assert ended not in {claim.job.id for claim in await engine.fleet.claimed("w1")}

    async def test_listing_abandoned_claims_changes_none(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        await engine.fleet.expire(["w1"])
        for _ in range(2):
            (found,) = await engine.fleet.abandoned(10)
            assert found.job == claim.job

    @requires(Capability.STEPS)
    async def test_an_abandoned_claim_carries_its_steps(self, engine: Roles) -> None:
        await add(engine)
        await engine.consumer.record_step(await one(engine), "charge", b"1")
        await engine.fleet.expire(["w1"])
        (found,) = await engine.fleet.abandoned(10)
        assert found.steps == {"charge": b"1"}

    async def test_a_worker_can_ask_what_it_holds(self, engine: Roles) -> None:
        await put(engine, [new(), new()])
        taken = {claim.job.id: claim.job.fence for claim in await take(engine, 2)}
        held = {claim.job.id: claim.job.fence for claim in await engine.fleet.claimed("w1")}
        assert held == taken
        assert await engine.fleet.claimed("w2") == ()

    async def test_what_a_worker_knows_of_is_left_out(self, engine: Roles) -> None:
        await put(engine, [new() for _ in range(4)])
        known, lost, *others = [claim.job.id for claim in await take(engine, 4)]
        left_out = [known, *others, "no such job"]
        (found,) = await engine.fleet.claimed("w1", left_out)
        assert found.job.id == lost
        assert await engine.fleet.claimed("w1", {*left_out, lost}) == ()

    async def test_claims_of_a_worker_that_left_are_abandoned_at_once(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        await engine.fleet.leave("w1")
        assert [found.job.id for found in await engine.fleet.abandoned(10)] == [claim.job.id]

    async def test_a_worker_that_left_is_no_longer_listed(self, engine: Roles) -> None:
        await engine.fleet.leave("w1")
        await engine.fleet.leave("w1")
        assert await engine.fleet.workers() == ()

    async def test_a_lost_worker_is_listed_while_it_holds_claims(self, engine: Roles) -> None:
        await engine.fleet.join(hand("w2"))
        await add(engine)
        await one(engine)
        await engine.fleet.expire(["w1", "w2"])
        await engine.fleet.abandoned(10)
        (status,) = await engine.fleet.workers()
        assert (status.info.id, status.lost, status.running) == ("w1", True, 1)

    async def test_lost_workers_without_claims_are_forgotten_and_live_ones_are_not(
        self, engine: Roles
    ) -> None:
        await engine.fleet.join(hand("w2"))
        await engine.fleet.expire(["w1"])
        assert await engine.fleet.abandoned(10) == ()
        (status,) = await engine.fleet.workers()
        assert (status.info.id, status.lost) == ("w2", False)
        assert (await engine.leases.renew("w2")).valid

    @requires(Capability.INSPECT, Capability.FENCED)
    async def test_a_rescue_raises_the_fence_and_counts_the_crash(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.fleet.expire(["w1"])
        assert await rescue(engine, (await engine.fleet.abandoned(1))[0])
        job = await look(engine, job_id)
        assert (job.state, job.attempt, job.crashes) == (State.QUEUED, 1, 1)
        assert job.fence > claim.job.fence
        assert job.worker is None
        assert await engine.fleet.abandoned(1) == ()

    @requires(Capability.INSPECT, Capability.FENCED)
    async def test_a_rescued_workers_result_is_refused_and_changes_nothing(
        self, engine: Roles
    ) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await rescue(engine, claim)
        before = (await look(engine, job_id), await engine.inspector.errors(job_id))
        for outcome in (Succeeded(), FAILED):
            assert not await end(engine, claim, outcome)
        assert (await look(engine, job_id), await engine.inspector.errors(job_id)) == before

    @requires(Capability.INSPECT, Capability.FENCED)
    async def test_a_rescue_that_comes_after_the_result_is_refused(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await end(engine, claim, Succeeded())
        assert not await rescue(engine, claim)
        assert (await look(engine, job_id)).state is State.SUCCEEDED

    @requires(Capability.INSPECT, Capability.FENCED)
    async def test_two_rescuers_count_one_crash(self, engines: tuple[Roles, Roles]) -> None:
        job_id = await add(engines[0])
        claim = await one(engines[0])
        answers = await asyncio.gather(*(rescue(engines[turn % 2], claim) for turn in range(6)))
        assert answers.count(True) == 1
        assert (await look(engines[0], job_id)).crashes == 1
        assert len(await engines[0].inspector.errors(job_id)) == 1

    @requires(Capability.INSPECT, Capability.FENCED)
    async def test_a_job_that_kills_three_workers_is_a_dead_letter(self, engine: Roles) -> None:
        job_id = await add(engine)
        for _ in range(3):
            await rescue(engine, await one(engine))
        job = await look(engine, job_id)
        assert (job.state, job.reason, job.crashes) == (State.DEAD, "worker-lost", 3)
        assert [error.type for error in await engine.inspector.errors(job_id)] == ["WorkerLost"] * 3

    @requires(Capability.INSPECT, Capability.FENCED)
    async def test_a_result_and_a_rescue_at_once_leave_one_of_them(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        jobs = [new() for _ in range(10)]
        await engines[0].producer.enqueue(jobs)
        for claim in await take(engines[0], 10):
            done, rescued = await asyncio.gather(
                engines[0].consumer.exchange("w1", [ending(claim, Succeeded())], None),
                rescue(engines[1], claim),
            )
            job = await look(engines[0], claim.job.id)
            assert rescued is bool(done.refused)
            assert (job.state is State.SUCCEEDED) is not rescued
