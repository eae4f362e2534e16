"""Taking jobs in."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.core.instant import HOUR, SECOND
from dutiful.core.outcome import Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import (
    add,
    comes_at,
    end,
    everything,
    look,
    new,
    one,
    put,
    take,
)
from dutiful.testing.conformance.requires import needs_advance, needs_delay, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock, unit


class EnqueueContract(Contract):
    """Holds the roles `Producer` and `SyncProducer`."""

    async def test_receipts_come_in_the_order_of_the_jobs(self, engine: Roles) -> None:
        jobs = [new() for _ in range(20)]
        receipts = await put(engine, jobs)
        assert [receipt.id for receipt in receipts] == [job.id for job in jobs]
        assert all(receipt.created and not receipt.replaced for receipt in receipts)

    async def test_enqueueing_nothing_gives_no_receipt(self, engine: Roles) -> None:
        assert await engine.producer.enqueue([]) == ()

    async def test_a_claimed_job_carries_what_was_enqueued(self, engine: Roles) -> None:
        job_id = await add(engine, task="shop.charge", args=b'{"order":42}', max_attempts=5)
        job = (await one(engine)).job
        assert (job.id, job.task, job.args) == (job_id, "shop.charge", b'{"order":42}')
        assert (job.queue, job.max_attempts) == ("default", 5)

    @requires(Capability.INSPECT)
    @needs_step
    async def test_every_field_survives_storing(self, engine: Roles, clock: SuiteClock) -> None:
        new_job = new(
            task="täsk",
            args='{"name":"Zoë 🚀"}'.encode(),
            queue="mail",
            max_attempts=3,
            tags=("a", "b c"),
            meta={"tenant": "7", "trace": "ü"},
        )
        await engine.producer.enqueue([new_job])
        job = await look(engine, new_job.id)
        assert (job.task, job.args, job.queue) == (new_job.task, new_job.args, "mail")
        assert (job.tags, job.meta, job.max_attempts) == (new_job.tags, new_job.meta, 3)
        assert (job.enqueued_at, job.run_at) == (clock.now(), clock.now())
        assert (job.state, job.attempt, job.crashes, job.fence) == (State.QUEUED, 0, 0, 0)
        assert (job.started_at, job.finished_at, job.worker, job.result) == (None,) * 4

    @requires(Capability.PRIORITY, Capability.INSPECT)
    async def test_the_priority_is_kept(self, engine: Roles) -> None:
        job_id = await add(engine, priority=-100)
        assert (await look(engine, job_id)).priority == -100

    @requires(Capability.IDEMPOTENT_ENQUEUE, Capability.INSPECT)
    async def test_the_same_jobs_again_are_left_alone_and_count_as_created(
        self, engine: Roles
    ) -> None:
        jobs = [new() for _ in range(3)]
        first = await put(engine, jobs)
        assert await put(engine, jobs) == first
        assert len(await everything(engine)) == 3
        assert (await engine.inspector.tally())["enqueued"] == 3

    @requires(Capability.IDEMPOTENT_ENQUEUE, Capability.INSPECT)
    async def test_enqueueing_again_does_not_disturb_a_running_job(self, engine: Roles) -> None:
        job = new()
        await engine.producer.enqueue([job])
        await one(engine)
        before = await look(engine, job.id)
        (receipt,) = await engine.producer.enqueue([replace(job, args=b'{"x":1}')])
        assert receipt.created
        assert await look(engine, job.id) == before

    @requires(Capability.IDEMPOTENT_ENQUEUE)
    async def test_enqueueing_again_does_not_revive_a_job_that_ended(self, engine: Roles) -> None:
        job = new()
        await engine.producer.enqueue([job])
        await end(engine, await one(engine), Succeeded())
        assert (await engine.producer.enqueue([job]))[0].created
        assert await take(engine) == ()

    @requires(Capability.IDEMPOTENT_ENQUEUE, Capability.INSPECT)
    async def test_a_batch_may_mix_stored_and_new_jobs(self, engine: Roles) -> None:
        old, fresh = new(), new()
        await engine.producer.enqueue([old])
        receipts = await put(engine, [old, fresh])
        assert [receipt.created for receipt in receipts] == [True, True]
        assert len(await everything(engine)) == 2

    @requires(Capability.IDEMPOTENT_ENQUEUE, Capability.INSPECT)
    async def test_one_id_twice_in_a_batch_is_one_job(self, engine: Roles) -> None:
        job = new()
        receipts = await put(engine, [job, job])
        assert [receipt.id for receipt in receipts] == [job.id, job.id]
        assert len(await everything(engine)) == 1

    @requires(Capability.ATOMIC_BATCH, Capability.INSPECT)
    async def test_a_large_batch_is_stored_whole(self, engine: Roles) -> None:
        jobs = [new() for _ in range(min(1500, engine.bounds.batch or 1500))]
        assert len(await engine.producer.enqueue(jobs)) == len(jobs)
        assert (await engine.inspector.tally())["enqueued"] == len(jobs)

    @requires(Capability.DELAY, Capability.INSPECT)
    @needs_delay("1h")
    @needs_step
    async def test_a_delay_counts_from_the_stores_clock(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine, delay=HOUR)
        job = await look(engine, job_id)
        assert (job.state, job.run_at) == (State.SCHEDULED, clock.now() + HOUR)

    @requires(Capability.DELAY)
    @needs_advance()
    async def test_a_delayed_job_waits_for_its_time(self, engine: Roles, clock: SuiteClock) -> None:
        due = clock.ticks() + unit(clock)
        job_id = await add(engine, delay=unit(clock))
        assert (await comes_at(engine, clock, due)).job.id == job_id

    @requires(Capability.DELAY)
    @needs_advance()
    async def test_a_job_with_a_time_waits_for_it(self, engine: Roles, clock: SuiteClock) -> None:
        due = clock.ticks() + unit(clock)
        job_id = await add(engine, run_at=clock.now() + unit(clock))
        assert (await comes_at(engine, clock, due)).job.id == job_id

    @requires(Capability.DELAY)
    @needs_delay("10s")
    @needs_step
    async def test_a_delayed_job_is_claimed_when_due_and_not_before(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        await add(engine, delay=10 * SECOND)
        clock.advance("9.999999s")
        assert await take(engine) == ()
        clock.advance("1us")
        assert len(await take(engine)) == 1

    @requires(Capability.DELAY, Capability.INSPECT)
    @needs_delay("1h")
    @needs_step
    async def test_run_at_wins_over_a_delay(self, engine: Roles, clock: SuiteClock) -> None:
        job_id = await add(engine, delay=HOUR, run_at=clock.now() + SECOND)
        assert (await look(engine, job_id)).run_at == clock.now() + SECOND

    @requires(Capability.DELAY, Capability.INSPECT)
    @needs_step
    async def test_a_run_at_in_the_past_is_due_at_once(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine, run_at=clock.now() - HOUR)
        job = await look(engine, job_id)
        assert (job.state, job.run_at) == (State.QUEUED, clock.now() - HOUR)

    @requires(Capability.EXPIRY, Capability.INSPECT, Capability.DELAY)
    @needs_delay("1h")
    @needs_step
    async def test_the_time_to_expire_counts_from_when_a_job_is_due(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await add(engine, delay=HOUR, expires_in=SECOND)
        assert (await look(engine, job_id)).expires_at == clock.now() + HOUR + SECOND

    @requires(Capability.SYNC_ENQUEUE)
    async def test_a_thread_without_a_loop_enqueues(self, engine: Roles) -> None:
        job = new()
        (receipt,) = await asyncio.to_thread(engine.sync_producer.enqueue_sync, [job])
        assert (receipt.id, receipt.created) == (job.id, True)
        assert (await one(engine)).job.id == job.id

    @requires(Capability.SYNC_ENQUEUE, Capability.IDEMPOTENT_ENQUEUE)
    async def test_enqueueing_in_a_thread_and_again_in_a_loop_is_one_job(
        self, engine: Roles
    ) -> None:
        job = new()
        first = await asyncio.to_thread(engine.sync_producer.enqueue_sync, [job])
        assert await engine.producer.enqueue([job]) == first
        assert len(await take(engine, 5)) == 1

    @requires(Capability.SYNC_ENQUEUE, Capability.INSPECT)
    async def test_many_threads_and_instances_lose_no_job(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        size = min(5, engines[0].engine.bounds.batch or 5)
        batches = [[new() for _ in range(size)] for _ in range(20)]
        await asyncio.gather(
            *(
                asyncio.to_thread(engines[turn % 2].sync_producer.enqueue_sync, batch)
                for turn, batch in enumerate(batches)
            )
        )
        assert (await engines[0].inspector.tally())["enqueued"] == 20 * size
        assert len(await everything(engines[1])) == 20 * size

    async def test_another_event_loop_may_use_the_same_instance(self, engine: Roles) -> None:
        job = new()

        def elsewhere() -> Any:
            return asyncio.run(_enqueue(engine, job.id))

        await asyncio.to_thread(elsewhere)
        assert (await one(engine)).job.id == job.id


async def _enqueue(engine: Roles, job_id: str) -> None:
    await engine.producer.enqueue([replace(new(), id=job_id)])
