"""A fence is never given again for one id, whatever becomes of its jobs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.roles.transfer import Record
from dutiful.core.fence import BELIEVED_MAX, FENCE_MAX
from dutiful.core.job import Claim, NewJob
from dutiful.core.outcome import Discarded, Outcome, Released, Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import FAILED, add, end, kill, look, new, one, rescue, take
from dutiful.testing.conformance.requires import needs_advance, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.FENCED, Capability.INSPECT)
class FenceContract(Contract):
    """Holds what `Job.fence` promises where jobs are deleted and come again."""

    @pytest.mark.parametrize("first", [Succeeded(), Released(), FAILED, Discarded("no use")])
    @pytest.mark.parametrize("second", [Succeeded(), Released(), FAILED, Discarded("late")])
    async def test_another_end_of_the_same_attempt_changes_nothing(
        self, engine: Roles, first: Outcome, second: Outcome
    ) -> None:
        job = new()
        await engine.producer.enqueue([job])
        claim = await one(engine)
        assert await end(engine, claim, first)
        before = (await look(engine, job.id), await engine.inspector.errors(job.id))
        await end(engine, claim, second)
        assert (await look(engine, job.id), await engine.inspector.errors(job.id)) == before

    @pytest.mark.parametrize("outcome", [Succeeded(), Released(), FAILED, Discarded("no use")])
    async def test_a_claim_on_another_job_in_the_same_place_is_refused(
        self, engine: Roles, outcome: Outcome
    ) -> None:
        """As after a failover, or on a restored copy, where a new job has the number of a lost."""
        job = new()
        await engine.producer.enqueue([job])
        claim = await one(engine)
        before = (await look(engine, job.id), await engine.inspector.errors(job.id))
        lost = replace(claim, job=replace(claim.job, id=new().id))
        assert not await end(engine, lost, outcome)
        assert (await look(engine, job.id), await engine.inspector.errors(job.id)) == before
        assert await end(engine, claim, outcome)

    @requires(Capability.STEPS)
    async def test_a_claim_on_another_job_in_the_same_place_records_nothing(
        self, engine: Roles
    ) -> None:
        job = new()
        await engine.producer.enqueue([job])
        claim = await one(engine)
        lost = replace(claim, job=replace(claim.job, id=new().id))
        assert not await engine.consumer.record_step(lost, "charge", b"1")
        assert await engine.inspector.steps(job.id) == {}

    @requires(Capability.PURGE, Capability.FLEET)
    async def test_a_stale_claim_cannot_settle_the_same_job_after_a_purge(
        self, engine: Roles
    ) -> None:
        job = new()
        stale = await abandoned(engine, job)
        assert await engine.controller.purge([job.id]) == (job.id,)
        await refuses(engine, job, stale)

    @requires(Capability.PRUNE, Capability.FLEET)
    @needs_advance("1s")
    async def test_nor_after_it_was_pruned(self, engine: Roles, clock: SuiteClock) -> None:
        job = new()
        stale = await abandoned(engine, job)
        clock.advance("1s")
        assert await engine.retention.prune(State.SUCCEEDED, 0, 10) == 1
        await refuses(engine, job, stale)

    @requires(Capability.EXPORT, Capability.IMPORT, Capability.FLEET)
    async def test_nor_after_it_was_dropped(self, engine: Roles) -> None:
        job = new()
        stale = await abandoned(engine, job)
        assert await engine.importer.drop([await look(engine, job.id)]) == (job.id,)
        await refuses(engine, job, stale)

    @requires(Capability.EXPORT, Capability.IMPORT, Capability.FLEET)
    @needs_advance("10s")
    async def test_nor_after_it_went_away_and_came_back(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job = new()
        await engine.producer.enqueue([job])
        stale = await one(engine)
        await end(engine, stale, FAILED)
        (there,) = await engine.importer.fetch([job.id])
        await engine.importer.drop([there.job])
        await engine.importer.fill([there])
        clock.advance("10s")
        await refuses(engine, job, stale)

    @requires(Capability.EXPORT, Capability.IMPORT, Capability.FLEET)
    async def test_nor_after_it_came_back_with_a_lower_fence(self, engine: Roles) -> None:
        job = new()
        await engine.producer.enqueue([job])
        young = Record(await look(engine, job.id))
        stale = await one(engine)
        await engine.importer.drop([stale.job])
        await engine.importer.fill([young])
        await refuses(engine, job, stale)

    @requires(Capability.PURGE, Capability.FLEET)
    @needs_step
    async def test_the_fence_of_an_id_grows_through_all_of_its_lives(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job, fences = new(), list[int]()
        for _ in range(4):
            await engine.producer.enqueue([job])
            for _ in range(2):
                claim = await one(engine)
                fences.append(claim.job.fence)
                assert await end(engine, claim, Released())
            fences.append((await one(engine)).job.fence)
            (held,) = await engine.fleet.claimed("w1")
            assert await end(engine, held, Succeeded())
            clock.step("-1h")  # no clock decides
            await engine.controller.purge([job.id])
        assert fences == sorted(set(fences))

    @requires(Capability.EXPORT, Capability.IMPORT)
    async def test_a_new_store_begins_above_what_older_releases_gave(self, engine: Roles) -> None:
        assert await engine.exporter.fence_floor() >= 1_000_000

    @requires(Capability.EXPORT, Capability.IMPORT)
    async def test_a_fence_of_another_store_is_not_given_again(self, engine: Roles) -> None:
        floor = await engine.exporter.fence_floor()
        await engine.importer.raise_fence_floor(floor + 1000)
        await engine.importer.raise_fence_floor(floor)
        assert await engine.exporter.fence_floor() == floor + 1000
        await engine.producer.enqueue([new()])
        assert (await one(engine)).job.fence > floor + 1000

    @requires(Capability.EXPORT, Capability.IMPORT, Capability.FLEET)
    async def test_a_fence_beyond_belief_stops_nothing(self, engine: Roles) -> None:
        job = new()
        await engine.producer.enqueue([job])
        far = await look(engine, job.id)
        await engine.importer.drop([far])
        await engine.importer.fill([Record(replace(far, fence=FENCE_MAX))])
        await engine.producer.enqueue([new()])
        claims = {claim.job.id: claim for claim in await take(engine, 2)}
        assert len(claims) == 2
        assert await rescue(engine, claims.pop(job.id))
        (again,) = await take(engine)
        assert await end(engine, again, Succeeded())
        await engine.importer.drop([await look(engine, job.id)])
        assert await engine.exporter.fence_floor() < BELIEVED_MAX

    @requires(Capability.EXPORT, Capability.IMPORT, Capability.PURGE, Capability.PRUNE)
    @pytest.mark.parametrize("verb", ["drop", "purge", "prune"])
    @needs_advance("1s")
    async def test_the_floor_is_the_highest_fence_of_deleted_jobs_that_is_believed(
        self, engine: Roles, clock: SuiteClock, verb: str
    ) -> None:
        ids = [await kill(engine) for _ in range(3)] + [await add(engine)]
        fences = (BELIEVED_MAX - 2, BELIEVED_MAX, FENCE_MAX, BELIEVED_MAX - 1)
        jobs = await engine.inspector.get(ids)
        await engine.importer.drop(jobs)
        jobs = tuple(replace(job, fence=fence) for job, fence in zip(jobs, fences, strict=True))
        await engine.importer.fill([Record(job) for job in jobs])
        clock.advance("1s")
        if verb == "drop":
            assert len(await engine.importer.drop(jobs[:3])) == 3
        elif verb == "purge":
            assert len(await engine.controller.purge(ids[:3])) == 3
        else:
            assert await engine.retention.prune(State.DEAD, 0, 10) == 3
        assert await engine.exporter.fence_floor() == BELIEVED_MAX - 2


async def abandoned(engine: Roles, job: NewJob) -> Claim:
    """Run a job to its end after a rescue, and return the claim that was taken back."""
    await engine.producer.enqueue([job])
    stale = await one(engine)
    assert await rescue(engine, stale)
    assert await end(engine, await one(engine), Succeeded())
    return stale


async def refuses(engine: Roles, job: NewJob, stale: Claim) -> None:
    """Run the job once more, and demand that the stale claim changes nothing of that."""
    await engine.producer.enqueue([job])
    before, claim = await engine.inspector.errors(job.id), await one(engine)
    assert claim.job.id == stale.job.id
    assert claim.job.fence > stale.job.fence
    assert not await end(engine, stale, Succeeded(b'"stale"'))
    assert not await end(engine, stale, FAILED)
    assert not await rescue(engine, stale)
    if Capability.STEPS in engine.capabilities:
        assert not await engine.consumer.record_step(stale, "charge", b"1")
        assert await engine.inspector.steps(job.id) == {}
    assert await look(engine, job.id) == claim.job
    assert await engine.inspector.errors(job.id) == before
    assert await end(engine, claim, Succeeded(b'"mine"'))
    assert (await look(engine, job.id)).result == b'"mine"'
