"""Stopping and allowing claims from a queue."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.core.outcome import Succeeded
from dutiful.testing.conformance.moves import add, end, one, take
from dutiful.testing.conformance.requires import needs_advance, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.PAUSE)
class PauseContract(Contract):
    """Holds `Controller.pause` and `Controller.resume`."""

    async def test_a_paused_queue_gives_nothing(self, engine: Roles) -> None:
        await add(engine)
        await engine.controller.pause("default")
        assert await take(engine) == ()

    async def test_other_queues_go_on(self, engine: Roles) -> None:
        await engine.controller.pause("default")
        await add(engine)
        job_id = await add(engine, queue="mail")
        claims = await take(engine, 5, queues=["default", "mail"])
        assert [claim.job.id for claim in claims] == [job_id]

    async def test_a_paused_queue_takes_jobs_in(self, engine: Roles) -> None:
        await engine.controller.pause("default")
        await add(engine)
        await engine.controller.resume("default")
        assert len(await take(engine)) == 1

    async def test_a_running_job_of_a_paused_queue_goes_on(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        await engine.controller.pause("default")
        assert await end(engine, claim, Succeeded())

    async def test_a_queue_can_be_paused_before_it_has_jobs(self, engine: Roles) -> None:
        await engine.controller.pause("later")
        await add(engine, queue="later")
        assert await take(engine, queues=["later"]) == ()

    async def test_a_pause_holds_for_every_instance(self, engines: tuple[Roles, Roles]) -> None:
        await add(engines[0])
        await engines[0].controller.pause("default")
        assert await take(engines[1], worker="w2") == ()
        await engines[1].controller.resume("default")
        assert len(await take(engines[0])) == 1

    async def test_pausing_and_resuming_twice_is_harmless(self, engine: Roles) -> None:
        await add(engine)
        await engine.controller.pause("default")
        await engine.controller.pause("default")
        await engine.controller.resume("default")
        await engine.controller.resume("default")
        assert len(await take(engine)) == 1

    @requires(Capability.DELAY)
    @needs_advance("1h")
    async def test_a_job_that_fell_due_during_a_pause_runs_after_it(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine, delay=1)
        await engine.controller.pause("default")
        clock.advance("1h")
        assert await take(engine) == ()
        await engine.controller.resume("default")
        assert len(await take(engine)) == 1

    @requires(Capability.INSPECT)
    @needs_step
    async def test_a_paused_queue_shows_since_when(self, engine: Roles, clock: SuiteClock) -> None:
        since = clock.now()
        await engine.controller.pause("default")
        clock.advance("1m")
        await engine.controller.pause("default")
        (row,) = await engine.inspector.queues()
        assert (row.queue, row.paused_at) == ("default", since)
        assert not any(row.counts.values())

    @requires(Capability.INSPECT)
    async def test_a_resumed_queue_shows_no_pause(self, engine: Roles) -> None:
        await add(engine)
        await engine.controller.pause("default")
        await engine.controller.resume("default")
        (row,) = await engine.inspector.queues()
        assert row.paused_at is None
