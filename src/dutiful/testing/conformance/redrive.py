"""Sending dead letters back, and deleting jobs."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.contract.roles.controller import Redrive
from dutiful.core.outcome import Discarded, Expired, Succeeded
from dutiful.core.state import State
from dutiful.core.unique import unique
from dutiful.testing.conformance.moves import (
    add,
    end,
    kill,
    look,
    new,
    one,
    recorded,
    records,
    rescue,
    take,
)
from dutiful.testing.conformance.requires import needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.REDRIVE, Capability.INSPECT)
class RedriveContract(Contract):
    """Holds `Controller.redrive` and `Controller.purge`."""

    @needs_step
    async def test_a_dead_letter_goes_back_to_its_queue(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        job_id = await kill(engine)
        clock.advance("1h")
        assert await engine.controller.redrive([Redrive(job_id)]) == (job_id,)
        job = await look(engine, job_id)
        assert (job.state, job.attempt, job.crashes) == (State.QUEUED, 0, 0)
        assert (job.run_at, job.redriven_at) == (clock.now(), clock.now())
        assert (job.finished_at, job.reason) == (None, None)
        assert (await one(engine)).job.attempt == 1

    @requires(Capability.CANCEL)
    async def test_a_cancelled_job_goes_back_too(self, engine: Roles) -> None:
        job_id = await add(engine)
        await engine.controller.cancel([job_id])
        assert await engine.controller.redrive([Redrive(job_id)]) == (job_id,)
        assert (await one(engine)).job.id == job_id

    @requires(Capability.CANCEL)
    async def test_a_job_cancelled_while_running_is_not_cancelled_again_when_redriven(
        self, engine: Roles
    ) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.controller.cancel([job_id])
        await end(engine, claim, Discarded("x"))
        await engine.controller.redrive([Redrive(job_id)])
        assert not (await one(engine)).job.cancel_requested

    @requires(Capability.FLEET, Capability.FENCED)
    async def test_the_crashes_start_anew(self, engine: Roles) -> None:
        job_id = await add(engine)
        for _ in range(3):
            await rescue(engine, await one(engine))
        await engine.controller.redrive([Redrive(job_id)])
        job = await look(engine, job_id)
        assert (job.state, job.crashes) == (State.QUEUED, 0)

    async def test_the_fence_goes_on_growing(self, engine: Roles) -> None:
        job_id = await kill(engine)
        before = (await look(engine, job_id)).fence
        await engine.controller.redrive([Redrive(job_id)])
        assert (await one(engine)).job.fence > before

    @requires(Capability.FENCED)
    async def test_a_claim_from_before_the_redrive_is_refused(self, engine: Roles) -> None:
        job_id = await add(engine)
        stale = await one(engine)
        await end(engine, stale, Discarded("x"))
        await engine.controller.redrive([Redrive(job_id)])
        await one(engine)
        assert not await end(engine, stale, Succeeded())
        assert (await look(engine, job_id)).state is State.RUNNING

    async def test_errors_are_kept(self, engine: Roles) -> None:
        job_id = await kill(engine)
        await engine.controller.redrive([Redrive(job_id)])
        await end(engine, await one(engine), Discarded("again"))
        messages = [error.message for error in await engine.inspector.errors(job_id)]
        assert messages == ["no use", "again"]

    @requires(Capability.STEPS)
    async def test_steps_are_kept(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.consumer.record_step(claim, "charge", b"1")
        await end(engine, claim, Discarded("x"))
        await engine.controller.redrive([Redrive(job_id)])
        assert (await one(engine)).steps == {"charge": b"1"}

    async def test_new_arguments_replace_the_old(self, engine: Roles) -> None:
        job_id = await kill(engine, args=b'{"x":1}')
        await engine.controller.redrive([Redrive(job_id, b'{"x":2}')])
        assert (await one(engine)).job.args == b'{"x":2}'

    async def test_without_new_arguments_the_old_stay(self, engine: Roles) -> None:
        job_id = await kill(engine, args=b'{"x":1}')
        await engine.controller.redrive([Redrive(job_id)])
        assert (await one(engine)).job.args == b'{"x":1}'

    async def test_meta_counts_the_redrives_and_keeps_the_rest(self, engine: Roles) -> None:
        job_id = await kill(engine, meta={"tenant": "7"})
        await engine.controller.redrive([Redrive(job_id)])
        meta = (await look(engine, job_id)).meta
        assert meta == {"tenant": "7", "redriven": "1", "redriven_from": "discarded"}
        await end(engine, await one(engine), Expired())
        await engine.controller.redrive([Redrive(job_id)])
        meta = (await look(engine, job_id)).meta
        assert meta == {"tenant": "7", "redriven": "2", "redriven_from": "expired"}

    @requires(Capability.EXPIRY)
    async def test_a_redriven_job_no_longer_expires(self, engine: Roles) -> None:
        job_id = await kill(engine, expires_in=1)
        await engine.controller.redrive([Redrive(job_id)])
        assert (await look(engine, job_id)).expires_at is None

    async def test_live_and_succeeded_jobs_are_left_alone(self, engine: Roles) -> None:
        done = await add(engine)
        await end(engine, await one(engine), Succeeded())
        running = await add(engine)
        await one(engine)
        queued = await add(engine)
        ids = [done, running, queued, "nobody"]
        assert await engine.controller.redrive([Redrive(job_id) for job_id in ids]) == ()

    @requires(Capability.UNIQUE)
    async def test_a_job_whose_key_another_holds_is_left_dead(self, engine: Roles) -> None:
        dead = await kill(engine, unique=unique("k"))
        other = await kill(engine)
        await add(engine, unique=unique("k"))
        assert await engine.controller.redrive([Redrive(dead), Redrive(other)]) == (other,)
        assert (await look(engine, dead)).state is State.DEAD

    @requires(Capability.UNIQUE)
    async def test_a_redriven_job_takes_its_key_again(self, engine: Roles) -> None:
        dead = await kill(engine, unique=unique("k"))
        await engine.controller.redrive([Redrive(dead)])
        (receipt,) = await engine.producer.enqueue([new(unique=unique("k"))])
        assert (receipt.created, receipt.id) == (False, dead)

    @requires(Capability.UNIQUE)
    async def test_of_two_dead_letters_of_one_key_one_goes_back(self, engine: Roles) -> None:
        first = await kill(engine, unique=unique("k"))
        second = await kill(engine, unique=unique("k"))
        assert await engine.controller.redrive([Redrive(first), Redrive(second)]) == (first,)

    async def test_two_redrives_at_once_send_a_job_back_once(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        job_id = await kill(engines[0])
        answers = await asyncio.gather(
            *(engines[turn % 2].controller.redrive([Redrive(job_id)]) for turn in range(6))
        )
        assert sorted(answers) == [*[()] * 5, (job_id,)]
        assert (await look(engines[0], job_id)).meta["redriven"] == "1"

    @requires(Capability.PURGE)
    async def test_a_purge_deletes_jobs_that_ended(self, engine: Roles) -> None:
        job_id = await kill(engine)
        assert await engine.controller.purge([job_id]) == (job_id,)
        assert await engine.inspector.get([job_id]) == ()
        assert await engine.inspector.errors(job_id) == ()

    @requires(Capability.PURGE, Capability.STEPS)
    async def test_a_purge_deletes_the_steps(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.consumer.record_step(claim, "charge", b"1")
        await end(engine, claim, Succeeded())
        await engine.controller.purge([job_id])
        assert await engine.inspector.steps(job_id) == {}

    @requires(Capability.PURGE, Capability.STEPS)
    async def test_a_purge_leaves_errors_and_steps_of_other_jobs(self, engine: Roles) -> None:
        gone, left = await recorded(engine), await recorded(engine)
        assert await engine.controller.purge([gone]) == (gone,)
        assert await records(engine, gone) == (0, 0)
        assert await records(engine, left) == (1, 1)

    @requires(Capability.PURGE)
    async def test_a_purge_spares_live_jobs(self, engine: Roles) -> None:
        running = await add(engine)
        await one(engine)
        queued = await add(engine)
        assert await engine.controller.purge([running, queued, "nobody"]) == ()
        assert len(await engine.inspector.get([running, queued])) == 2

    @requires(Capability.PURGE)
    async def test_a_purge_is_counted_once(self, engine: Roles) -> None:
        job_id = await kill(engine)
        await engine.controller.purge([job_id])
        assert await engine.controller.purge([job_id]) == ()
        assert await engine.inspector.tally() == {"enqueued": 1, "pruned": 0, "purged": 1}

    @requires(Capability.PURGE)
    async def test_a_purged_job_cannot_be_redriven(self, engine: Roles) -> None:
        job_id = await kill(engine)
        await engine.controller.purge([job_id])
        assert await engine.controller.redrive([Redrive(job_id)]) == ()
        assert await take(engine) == ()
