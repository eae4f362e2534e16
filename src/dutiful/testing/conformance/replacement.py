"""Recorded steps and the idempotency key belong to a job's arguments."""

from __future__ import annotations

from typing import Any

from dutiful.contract.capability import Capability
from dutiful.contract.roles.controller import Redrive
from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import DuplicateJob
from dutiful.core.instant import HOUR
from dutiful.core.job import Claim, Job, NewJob
from dutiful.core.outcome import Discarded, Released, Snoozed
from dutiful.core.replacement import idempotency_key
from dutiful.core.state import State
from dutiful.core.unique import unique
from dutiful.testing.conformance.moves import FAILED, end, look, new, one
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


def order(total: int, conflict: Any = "replace", **fields: Any) -> NewJob:
    """Ask for a job of key ``order:42``."""
    args = b'{"order":42,"total":%d}' % total
    fields = {"args": args, "unique": unique("order:42", on_conflict=conflict), **fields}
    return new(**fields)


def key(job: Job) -> str:
    """Return what a task would hand to the outside world."""
    return idempotency_key(job.id, job.meta)


@requires(Capability.STEPS, Capability.INSPECT)
class ReplacementContract(Contract):
    """Holds what stays beside a job's arguments when they are replaced or edited."""

    @requires(Capability.UNIQUE)
    async def test_other_arguments_drop_the_steps_and_change_the_key(self, engine: Roles) -> None:
        before = await stepped(engine, order(10))
        later = order(20)
        (receipt,) = await engine.producer.enqueue([later])
        assert receipt == Receipt(before.id, created=False, replaced=True)
        assert await engine.inspector.steps(before.id) == {}
        claim = await one(engine)
        assert (claim.job.args, claim.job.steps, claim.steps) == (later.args, 0, {})
        assert key(claim.job) not in (key(before), before.id)
        assert await engine.consumer.record_step(claim, "charge", b"20")
        await end(engine, claim, Released())
        again = await one(engine)
        assert again.steps == {"charge": b"20"}
        assert key(again.job) == key(claim.job)

    @requires(Capability.UNIQUE)
    async def test_the_same_arguments_keep_both(self, engine: Roles) -> None:
        before = await stepped(engine, order(10))
        same = order(10, args=b'{"total": 10, "order": 42}', tags=("new",))
        await engine.producer.enqueue([same])
        claim = await one(engine)
        assert (claim.job.tags, claim.job.steps) == (("new",), 1)
        assert claim.steps == {"charge": b"10"}
        assert key(claim.job) == key(before)

    @requires(Capability.UNIQUE)
    async def test_a_key_once_changed_is_kept_by_the_same_arguments(self, engine: Roles) -> None:
        job = await stepped(engine, order(10))
        keys = [key(job)]
        for total in (20, 20, 30):
            await engine.producer.enqueue([order(total)])
            keys.append(key(await look(engine, job.id)))
        assert keys[1] == keys[2]
        assert len(set(keys)) == 3

    @requires(Capability.UNIQUE)
    async def test_another_task_has_steps_and_a_key_of_its_own(self, engine: Roles) -> None:
        before = await stepped(engine, order(10))
        await engine.producer.enqueue([order(10, task="refund")])
        claim = await one(engine)
        assert (claim.job.task, claim.steps) == ("refund", {})
        assert key(claim.job) != key(before)

    @requires(Capability.UNIQUE)
    async def test_a_waiting_job_and_a_retry_are_alike(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        for outcome in (Snoozed(HOUR), FAILED):
            job = order(10)
            await engine.producer.enqueue([job])
            claim = await one(engine)
            await engine.consumer.record_step(claim, "charge", b"10")
            await end(engine, claim, outcome)
            await engine.producer.enqueue([order(20)])
            claim = await one(engine)
            assert (claim.job.id, claim.steps) == (job.id, {})
            assert key(claim.job) != job.id
            await end(engine, claim, Discarded("enough"))

    @requires(Capability.UNIQUE)
    async def test_a_refused_batch_has_dropped_nothing(self, engine: Roles) -> None:
        before = await stepped(engine, order(10))
        other = unique("order:43", on_conflict="raise")
        await engine.producer.enqueue([new(unique=other, delay=HOUR)])
        try:
            await engine.producer.enqueue([order(20), new(unique=other)])
        except DuplicateJob:
            pass
        else:
            raise AssertionError("the batch was stored")
        assert await look(engine, before.id) == before
        assert await engine.inspector.steps(before.id) == {"charge": b"10"}

    @requires(Capability.REDRIVE)
    async def test_a_redrive_with_other_arguments_is_like_a_replacement(
        self, engine: Roles
    ) -> None:
        before = await dead(engine)
        await engine.controller.redrive([Redrive(before.id, b'{"total":20}')])
        claim = await one(engine)
        assert (claim.job.args, claim.job.steps, claim.steps) == (b'{"total":20}', 0, {})
        assert key(claim.job) != key(before)
        assert (await look(engine, before.id)).meta["redriven"] == "1"

    @requires(Capability.REDRIVE)
    async def test_a_redrive_keeps_both_where_the_arguments_are_the_same(
        self, engine: Roles
    ) -> None:
        for args in (None, b'{"total": 10}'):
            before = await dead(engine)
            await engine.controller.redrive([Redrive(before.id, args)])
            claim = await one(engine)
            assert claim.steps == {"charge": b"10"}
            assert key(claim.job) == key(before)
            await end(engine, claim, Discarded("enough"))

    @requires(Capability.REDRIVE)
    async def test_a_redrive_may_be_told_to_keep_both(self, engine: Roles) -> None:
        before = await dead(engine)
        await engine.controller.redrive([Redrive(before.id, b'{"total":20}', keep_steps=True)])
        claim = await one(engine)
        assert (claim.job.args, claim.steps) == (b'{"total":20}', {"charge": b"10"})
        assert key(claim.job) == key(before)


async def stepped(engine: Roles, job: NewJob) -> Job:
    """Store a job, record a step of its first attempt, and release it."""
    await engine.producer.enqueue([job])
    claim = await one(engine)
    assert await engine.consumer.record_step(claim, "charge", b"10")
    assert await end(engine, claim, Released())
    found = await look(engine, job.id)
    assert (found.state, found.steps) == (State.QUEUED, 1)
    return found


async def dead(engine: Roles) -> Job:
    """Store a job, record a step, and let it die."""
    job = new(args=b'{"total":10}')
    await engine.producer.enqueue([job])
    claim: Claim = await one(engine)
    assert await engine.consumer.record_step(claim, "charge", b"10")
    assert await end(engine, claim, Discarded("no use"))
    return await look(engine, job.id)
