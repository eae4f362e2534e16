"""Keeping a running job from others, where the server knows whether its worker is connected."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.contract.engine import LeaseOwner
from dutiful.contract.roles.consumer import Wanted
from dutiful.core.outcome import Succeeded
from dutiful.testing.conformance.moves import add, end, one, take
from dutiful.testing.conformance.requires import leased_by, needs_advance
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock, pass_unit


@leased_by(LeaseOwner.SERVER)
class ServerLeaseContract(Contract):
    """Holds `Consumer` where nothing is renewed; closing an instance breaks its connection."""

    @needs_advance()
    async def test_a_job_stays_with_a_worker_that_is_connected(
        self, engines: tuple[Roles, Roles], clock: SuiteClock
    ) -> None:
        first, second = engines
        await add(first)
        claim = await one(first)
        pass_unit(clock, 2)
        assert await take(first) == ()
        assert await take(second, worker="w2") == ()
        assert await end(first, claim, Succeeded())

    async def test_what_a_worker_held_is_given_to_another_when_it_disconnects(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        first, second = engines
        job_id = await add(first)
        await one(second, worker="w2")
        assert await take(first) == ()
        await second.close()
        again = await one(first)
        assert (again.job.id, again.job.attempt) == (job_id, 2)
        assert await end(first, again, Succeeded())

    async def test_a_worker_whose_connection_broke_learns_that_it_is_lost(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        first, second = engines
        await add(first)
        await one(second, worker="w2")
        await second.close()
        await second.open()
        answer = await second.consumer.exchange("w2", [], Wanted(("default",), 1))
        assert (answer.lost, answer.claims) == (True, ())
        assert await take(second, worker="w3")

    async def test_an_end_of_a_broken_connection_is_harmless(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        """The first attempt is refused, with FENCED, or changes nothing that the second does."""
        first, second = engines
        await add(first)
        stale = await one(second, worker="w2")
        await second.close()
        fresh = await one(first)
        await second.open()
        accepted = await end(second, stale, Succeeded(), worker="w2")
        assert not (accepted and Capability.FENCED in second.capabilities)
        assert await end(first, fresh, Succeeded()) or not accepted
        assert await take(first) == ()
