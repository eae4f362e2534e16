"""Giving jobs out."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.contract.roles.consumer import Wanted
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.outcome import Released, Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import add, end, ending, look, new, one, put, take
from dutiful.testing.conformance.requires import needs_advance, needs_delay, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


class ClaimContract(Contract):
    """Holds the claiming half of `Consumer.exchange`."""

    async def test_an_empty_store_gives_no_claim(self, engine: Roles) -> None:
        answer = await engine.consumer.exchange("w1", [], Wanted(("default",), 10))
        assert (answer.claims, answer.refused, answer.lost) == ((), (), False)

    @needs_advance()
    async def test_a_claim_spends_an_attempt_and_raises_the_fence(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine)
        asked = clock.now()
        job = (await one(engine)).job
        assert (job.state, job.attempt) == (State.RUNNING, 1)
        assert job.fence > 0
        assert job.worker == "w1"
        assert job.started_at is not None
        assert asked <= job.started_at <= clock.now()

    @requires(Capability.INSPECT)
    async def test_the_store_holds_what_the_claim_says(self, engine: Roles) -> None:
        await add(engine, tags=("a",), meta={"k": "v"})
        claim = await one(engine)
        assert await look(engine, claim.job.id) == claim.job

    async def test_a_claimed_job_is_not_given_again(self, engine: Roles) -> None:
        await add(engine)
        assert len(await take(engine, 10)) == 1
        assert await take(engine, 10) == ()

    async def test_no_more_than_the_limit_is_given(self, engine: Roles) -> None:
        await put(engine, [new() for _ in range(5)])
        assert len(await take(engine, 3)) == 3
        assert len(await take(engine, 3)) == 2

    async def test_a_limit_of_zero_gives_nothing(self, engine: Roles) -> None:
        await add(engine)
        assert await take(engine, 0) == ()

    async def test_wanting_nothing_claims_nothing(self, engine: Roles) -> None:
        await add(engine)
        answer = await engine.consumer.exchange("w1", [], None)
        assert (answer.claims, answer.lost) == ((), False)
        assert len(await take(engine)) == 1

    async def test_a_large_claim_is_given_whole(self, engine: Roles) -> None:
        await put(engine, [new() for _ in range(600)])
        assert len({claim.job.id for claim in await take(engine, 600)}) == 600

    @requires(Capability.ORDER)
    @needs_advance("3ms")
    async def test_jobs_of_one_queue_come_in_the_order_of_enqueueing(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        ids: list[str] = []
        for _ in range(3):
            ids += [await add(engine), await add(engine)]
            clock.advance("1ms")
        assert [claim.job.id for claim in await take(engine, 6)] == ids

    @requires(Capability.ORDER)
    async def test_jobs_of_one_batch_come_in_its_order(self, engine: Roles) -> None:
        jobs = [new() for _ in range(50)]
        await put(engine, jobs)
        claims = [*await take(engine, 20), *await take(engine, 30)]
        assert [claim.job.id for claim in claims] == [job.id for job in jobs]

    @requires(Capability.PRIORITY)
    async def test_a_higher_priority_goes_first(self, engine: Roles) -> None:
        low, mid, high = [await add(engine, priority=value) for value in (-5, 0, 7)]
        assert [claim.job.id for claim in await take(engine, 3)] == [high, mid, low]

    @requires(Capability.ORDER, Capability.PRIORITY, Capability.DELAY)
    @needs_advance()
    async def test_among_equal_priorities_the_one_due_first_goes_first(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        late = await add(engine, priority=3)
        early = await add(engine, priority=3, run_at=clock.now() - SECOND)
        assert [claim.job.id for claim in await take(engine, 2)] == [early, late]

    @requires(Capability.PRIORITY)
    async def test_a_late_urgent_job_overtakes_a_backlog(self, engine: Roles) -> None:
        await put(engine, [new() for _ in range(100)])
        urgent = await add(engine, priority=100)
        assert (await one(engine)).job.id == urgent

    @requires(Capability.ORDER, Capability.DELAY)
    @needs_delay("20s")
    @needs_advance("1m")
    async def test_delayed_jobs_come_in_the_order_in_which_they_fall_due(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        late = await add(engine, delay=20 * SECOND)
        early = await add(engine, delay=10 * SECOND)
        clock.advance("1m")
        last = await add(engine)
        assert [claim.job.id for claim in await take(engine, 3)] == [early, late, last]

    async def test_only_wanted_queues_are_served(self, engine: Roles) -> None:
        await add(engine, queue="mail")
        assert await take(engine, 10) == ()
        assert len(await take(engine, 10, queues=["mail"])) == 1

    async def test_queues_are_looked_at_in_the_order_wanted(self, engine: Roles) -> None:
        first = await add(engine, queue="a")
        second = await add(engine, queue="b")
        claims = await take(engine, 2, queues=["b", "a"])
        assert [claim.job.id for claim in claims] == [second, first]

    async def test_an_earlier_queue_may_use_up_the_limit(self, engine: Roles) -> None:
        await put(engine, [new(queue="a"), new(queue="a"), new(queue="b")])
        claims = await take(engine, 2, queues=["a", "b"])
        assert [claim.job.queue for claim in claims] == ["a", "a"]

    async def test_a_queue_named_twice_gives_each_job_once(self, engine: Roles) -> None:
        await add(engine)
        assert len(await take(engine, 10, queues=["default", "default"])) == 1

    @requires(Capability.FLEET)
    async def test_an_unregistered_worker_gets_nothing_and_is_told(self, engine: Roles) -> None:
        await add(engine)
        answer = await engine.consumer.exchange("stranger", [], Wanted(("default",), 1))
        assert (answer.claims, answer.lost) == ((), True)

    @requires(Capability.FLEET)
    async def test_a_lost_worker_gets_nothing_and_is_told(self, engine: Roles) -> None:
        await add(engine)
        await engine.fleet.expire(["w1"])
        answer = await engine.consumer.exchange("w1", [], Wanted(("default",), 1))
        assert (answer.claims, answer.lost) == ((), True)

    @requires(Capability.DELAY)
    @needs_delay("1h")
    @needs_step
    async def test_the_answer_tells_when_the_next_job_is_due(self, engine: Roles) -> None:
        await put(engine, [new(delay=HOUR), new(delay=5 * SECOND), new(delay=1, queue="b")])
        answer = await engine.consumer.exchange("w1", [], Wanted(("default",), 1))
        assert answer.due_in in (5 * SECOND, None)

    @requires(Capability.DELAY)
    @needs_delay("1h")
    @needs_step
    async def test_what_is_due_does_not_hide_what_is_due_next(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await put(engine, [new(delay=5 * SECOND), new(delay=MINUTE)])
        await put(engine, [new(delay=HOUR, queue="b")])
        clock.advance("5s")
        answer = await engine.consumer.exchange("w1", [], Wanted(("default", "b"), 1))
        assert len(answer.claims) == 1
        assert answer.due_in in (55 * SECOND, None)

    @requires(Capability.DELAY)
    @needs_delay("1h")
    @needs_step
    async def test_a_wall_clock_set_forward_makes_scheduled_jobs_due(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine, delay=HOUR)
        clock.step("1h")
        assert len(await take(engine)) == 1

    @needs_step
    async def test_a_wall_clock_set_back_does_not_hold_up_queued_jobs(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine)
        clock.step("-1h")
        assert (await one(engine)).job.id == job_id

    @requires(Capability.FENCED)
    async def test_the_fence_grows_with_every_claim(self, engine: Roles) -> None:
        await add(engine)
        fence = 0
        for _ in range(3):
            claim = await one(engine)
            assert claim.job.fence > fence
            fence = claim.job.fence
            await end(engine, claim, Released())

    async def test_one_round_trip_settles_and_claims(self, engine: Roles) -> None:
        await put(engine, [new(), new()])
        first = await one(engine)
        settled = [ending(first, Succeeded())]
        answer = await engine.consumer.exchange("w1", settled, Wanted(("default",), 5))
        assert len(answer.claims) == 1
        assert answer.claims[0].job.id != first.job.id

    async def test_two_instances_never_claim_the_same_job(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        first, second = engines
        jobs = [new() for _ in range(60)]
        await put(first, jobs)
        answers = await asyncio.gather(
            *(take(first, 4) for _ in range(10)), *(take(second, 4, worker="w2") for _ in range(10))
        )
        ids = [claim.job.id for claims in answers for claim in claims]
        assert sorted(ids) == sorted(job.id for job in jobs)

    async def test_two_threads_never_claim_the_same_job(self, engines: tuple[Roles, Roles]) -> None:
        jobs = [new() for _ in range(40)]
        await put(engines[0], jobs)

        def run_all(turn: int) -> list[str]:
            return asyncio.run(_run_all(engines[turn], f"w{turn + 1}"))

        halves = await asyncio.gather(asyncio.to_thread(run_all, 0), asyncio.to_thread(run_all, 1))
        assert sorted(halves[0] + halves[1]) == sorted(job.id for job in jobs)


async def _run_all(engine: Roles, worker: str) -> list[str]:
    ids: list[str] = []
    while claims := await take(engine, 3, worker=worker):
        ids += [claim.job.id for claim in claims]
    return ids
