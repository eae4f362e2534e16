"""Keeping a running job from others, where each job has a lease of its own."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.contract.engine import LeaseOwner
from dutiful.contract.roles.fleet import Renewal
from dutiful.core.job import Claim
from dutiful.core.outcome import Succeeded
from dutiful.testing.conformance.moves import add, end, hand, join, new, one, put, take
from dutiful.testing.conformance.requires import leased_by, needs_advance
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock, pass_unit, unit


@leased_by(LeaseOwner.JOB)
class JobLeaseContract(Contract):
    """Holds `Leases` where the lease is the job's."""

    @needs_advance()
    async def test_a_job_whose_lease_was_renewed_is_not_given_again(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        claim = await one(engine)
        await renew(engine, clock, claim)
        renewal = await renew(engine, clock, claim, units=60)
        assert (renewal.valid, renewal.lost) == (True, ())
        pass_unit(clock)
        assert await take(engine) == ()
        assert (await renew(engine, clock, claim)).lost == ()
        assert await end(engine, claim, Succeeded())

    @needs_advance()
    async def test_a_job_whose_lease_is_over_is_given_again(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        await renew(engine, clock, await one(engine))
        pass_unit(clock)
        again = await one(engine)
        assert (again.job.id, again.job.attempt) == (job_id, 2)

    @needs_advance()
    async def test_a_renewal_names_the_jobs_whose_lease_is_over(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await put(engine, [new() for _ in range(3)])
        over, kept, also_over = await take(engine, 3)
        await renew(engine, clock, over, also_over)
        await renew(engine, clock, kept, units=60)
        pass_unit(clock)
        renewal = await renew(engine, clock, over, kept, also_over, units=60)
        assert renewal.valid
        assert set(renewal.lost) == {over.job.id, also_over.job.id}

    @needs_advance()
    async def test_a_lease_that_another_attempt_has_is_named_as_lost(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        stale = await one(engine)
        await renew(engine, clock, stale)
        pass_unit(clock)
        fresh = await one(engine)
        await renew(engine, clock, fresh, units=60)
        assert (await renew(engine, clock, stale, units=60)).lost == (stale.job.id,)
        assert (await renew(engine, clock, fresh, units=60)).lost == ()

    async def test_a_renewal_of_nothing_is_valid(self, engine: Roles) -> None:
        renewal = await engine.leases.renew("w1")
        assert (renewal.valid, renewal.lost) == (True, ())

    @needs_advance()
    async def test_another_instance_takes_over_what_is_lost(
        self, engines: tuple[Roles, Roles], clock: SuiteClock
    ) -> None:
        first, second = engines
        job_id = await add(first)
        await renew(first, clock, await one(first))
        assert await take(second, worker="w2") == ()
        pass_unit(clock)
        assert (await one(second, worker="w2")).job.id == job_id

    @needs_advance()
    async def test_a_second_delivery_is_harmless(self, engine: Roles, clock: SuiteClock) -> None:
        """The first attempt is refused, with FENCED, or changes nothing that the second does."""
        await join(engine, hand("w2"))
        await add(engine)
        stale = await one(engine)
        await renew(engine, clock, stale)
        pass_unit(clock)
        fresh = await one(engine, worker="w2")
        accepted = await end(engine, stale, Succeeded())
        assert not (accepted and Capability.FENCED in engine.capabilities)
        assert await end(engine, fresh, Succeeded(), worker="w2") or not accepted
        assert await take(engine) == ()
        pass_unit(clock)
        assert await take(engine) == ()


async def renew(engine: Roles, clock: SuiteClock, *claims: Claim, units: int = 1) -> Renewal:
    """Prolong the leases of claims by so many units from now."""
    return await engine.leases.renew("w1", claims=claims, lease=units * unit(clock))
