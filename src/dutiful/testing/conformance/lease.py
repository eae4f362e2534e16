"""Knowing which workers live."""

from __future__ import annotations

import asyncio

import pytest

from dutiful.contract.capability import Capability
from dutiful.core.instant import SECOND
from dutiful.testing.conformance.moves import hand, new, put, take
from dutiful.testing.conformance.requires import needs_advance, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.FLEET)
class LeaseContract(Contract):
    """Holds the role `Fleet`."""

    @needs_step
    async def test_a_worker_that_joined_is_listed(self, engine: Roles, clock: SuiteClock) -> None:
        info = hand("w9", lease=30 * SECOND, pid=4711)
        await engine.fleet.join(info)
        (status,) = [row for row in await engine.fleet.workers() if row.info.id == "w9"]
        assert status.info == info
        assert (status.joined_at, status.renewed_at) == (clock.now(), clock.now())
        assert (status.silent_for, status.running, status.lost) == (0, 0, False)

    async def test_joining_again_is_harmless(self, engine: Roles) -> None:
        await engine.fleet.join(hand("w1"))
        assert len(await engine.fleet.workers()) == 1

    @needs_advance("3s")
    async def test_a_listed_worker_shows_its_claims_and_its_silence(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await put(engine, [new(), new()])
        await take(engine, 2)
        clock.advance("3s")
        (status,) = await engine.fleet.workers()
        assert (status.running, status.silent_for) == (2, 3 * SECOND)

    @needs_step
    async def test_a_renewal_of_a_live_worker_is_valid(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        clock.advance("4s")
        renewal = await engine.leases.renew("w1")
        assert (renewal.valid, renewal.cancels) == (True, ())
        (status,) = await engine.fleet.workers()
        assert (status.silent_for, status.renewed_at) == (0, clock.now())

    async def test_a_renewal_notes_how_long_the_loop_has_hung(self, engine: Roles) -> None:
        await engine.leases.renew("w1", stalled_for=5 * SECOND)
        (status,) = await engine.fleet.workers()
        assert status.stalled_for == 5 * SECOND
        await engine.leases.renew("w1")
        (status,) = await engine.fleet.workers()
        assert status.stalled_for == 0

    async def test_a_renewal_of_an_unknown_worker_is_not_valid(self, engine: Roles) -> None:
        assert not (await engine.leases.renew("stranger")).valid

    @needs_advance("10s")
    async def test_nobody_is_lost_before_the_lease_has_run_out(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        clock.advance("10s")
        assert await engine.fleet.expire([]) == ()
        assert (await engine.leases.renew("w1")).valid

    @needs_advance("10.000001s")
    async def test_a_worker_is_lost_when_its_lease_has_run_out(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        clock.advance("10.000001s")
        assert await engine.fleet.expire([]) == ("w1",)

    @needs_advance("16s")
    async def test_a_renewal_prolongs_the_lease(self, engine: Roles, clock: SuiteClock) -> None:
        clock.advance("8s")
        await engine.leases.renew("w1")
        clock.advance("8s")
        assert await engine.fleet.expire([]) == ()

    @needs_advance("1h")
    async def test_a_renewal_that_comes_before_the_expiry_wins(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        clock.advance("1h")
        assert (await engine.leases.renew("w1")).valid
        assert await engine.fleet.expire([]) == ()

    @needs_advance("1m1s")
    async def test_each_worker_has_the_lease_that_it_asked_for(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await engine.fleet.join(hand("slow", lease=60 * SECOND))
        clock.advance("30s")
        assert await engine.fleet.expire([]) == ("w1",)
        clock.advance("31s")
        assert await engine.fleet.expire([]) == ("slow",)

    @needs_advance("11s")
    async def test_a_lost_worker_is_reported_once(self, engine: Roles, clock: SuiteClock) -> None:
        clock.advance("11s")
        assert await engine.fleet.expire([]) == ("w1",)
        assert await engine.fleet.expire([]) == ()

    @needs_advance("11s")
    async def test_a_lost_worker_cannot_renew(self, engine: Roles, clock: SuiteClock) -> None:
        clock.advance("11s")
        await engine.fleet.expire([])
        assert not (await engine.leases.renew("w1")).valid

    @needs_advance("11s")
    async def test_an_id_that_was_lost_stays_lost(self, engine: Roles, clock: SuiteClock) -> None:
        await engine.producer.enqueue([new()])
        await take(engine)
        clock.advance("11s")
        await engine.fleet.expire([])
        await engine.fleet.join(hand("w1"))
        assert not (await engine.leases.renew("w1")).valid
        assert len(await engine.fleet.abandoned(10)) == 1

    @pytest.mark.parametrize("hours", ["1h", "-1h"])
    @needs_step
    async def test_a_step_of_the_wall_clock_expires_no_lease(
        self, engine: Roles, clock: SuiteClock, hours: str
    ) -> None:
        clock.step(hours)
        assert await engine.fleet.expire([]) == ()
        assert (await engine.leases.renew("w1")).valid

    @pytest.mark.parametrize("hours", ["1h", "-1h"])
    @needs_step
    async def test_a_step_of_the_wall_clock_prolongs_no_lease(
        self, engine: Roles, clock: SuiteClock, hours: str
    ) -> None:
        clock.step(hours)
        clock.advance("11s")
        assert await engine.fleet.expire([]) == ("w1",)

    async def test_a_worker_known_to_be_gone_is_lost_at_once(self, engine: Roles) -> None:
        await engine.fleet.join(hand("w2"))
        assert await engine.fleet.expire(["w1"]) == ("w1",)
        assert not (await engine.leases.renew("w1")).valid
        assert (await engine.leases.renew("w2")).valid

    async def test_naming_a_stranger_as_gone_loses_nobody(self, engine: Roles) -> None:
        assert await engine.fleet.expire(["stranger"]) == ()

    @needs_advance("11s")
    async def test_two_rescuers_lose_a_worker_once(
        self, engines: tuple[Roles, Roles], clock: SuiteClock
    ) -> None:
        clock.advance("11s")
        answers = await asyncio.gather(*(engines[turn % 2].fleet.expire([]) for turn in range(6)))
        assert sorted(worker for lost in answers for worker in lost) == ["w1", "w2"]
