"""Taking what is within the bounds, and refusing what is above them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dutiful.contract.capability import Capability
from dutiful.contract.roles.consumer import Wanted
from dutiful.core.errors import PartlyEnqueued, UsageError
from dutiful.core.instant import DAY
from dutiful.core.outcome import Succeeded
from dutiful.testing.conformance.moves import add, end, ending, new, one, put, take
from dutiful.testing.conformance.requires import bounded, lacks, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract

FailNext = Callable[[int], None]
"""Makes the store refuse the first so many jobs of the next batch, and take the others."""


class BoundsContract(Contract):
    """Holds `Bounds` and what `Producer.enqueue` says of batches."""

    @bounded("batch")
    async def test_a_batch_at_the_bound_is_stored(self, engine: Roles) -> None:
        jobs = [new() for _ in range(bound(engine.bounds.batch))]
        receipts = await engine.producer.enqueue(jobs)
        assert [receipt.id for receipt in receipts] == [job.id for job in jobs]
        claims = await take(engine, len(jobs))
        assert sorted(claim.job.id for claim in claims) == sorted(job.id for job in jobs)

    @bounded("batch")
    async def test_a_batch_above_the_bound_is_refused_and_nothing_is_stored(
        self, engine: Roles
    ) -> None:
        with pytest.raises(UsageError):
            await engine.producer.enqueue([new() for _ in range(bound(engine.bounds.batch) + 1)])
        assert await take(engine) == ()

    @bounded("batch")
    async def test_a_claim_gives_no_more_than_the_bound(self, engine: Roles) -> None:
        most = bound(engine.bounds.batch)
        await put(engine, [new() for _ in range(most + 1)])
        answer = await engine.consumer.exchange("w1", [], Wanted(("default",), most + 1))
        assert 0 < len(answer.claims) <= most

    async def test_more_ends_than_a_batch_holds_are_written_by_one_call(
        self, engine: Roles
    ) -> None:
        count = 2 * min(engine.bounds.batch or 20, 20) + 1
        await put(engine, [new() for _ in range(count)])
        claims = await take(engine, count)
        ends = [ending(claim, Succeeded()) for claim in claims]
        answer = await engine.consumer.exchange("w1", ends, None)
        assert (len(claims), answer.refused, answer.delayed) == (count, (), ())

    @bounded("payload")
    async def test_arguments_at_the_bound_come_back_whole(self, engine: Roles) -> None:
        args = text(bound(engine.bounds.payload))
        await add(engine, args=args)
        assert (await one(engine)).job.args == args

    @bounded("payload")
    async def test_arguments_above_the_bound_are_refused(self, engine: Roles) -> None:
        with pytest.raises(UsageError):
            await add(engine, args=text(bound(engine.bounds.payload) + 1))
        assert await take(engine) == ()

    @requires(Capability.DELAY)
    @bounded("delay")
    async def test_a_delay_at_the_bound_is_taken(self, engine: Roles) -> None:
        await add(engine, delay=bound(engine.bounds.delay))
        assert await take(engine) == ()

    @requires(Capability.DELAY)
    @bounded("delay")
    async def test_a_delay_above_the_bound_is_refused(self, engine: Roles) -> None:
        with pytest.raises(UsageError):
            await add(engine, delay=bound(engine.bounds.delay) + DAY)
        assert await take(engine) == ()

    @lacks(Capability.ATOMIC_BATCH)
    async def test_a_batch_that_is_stored_in_part_names_both_parts(
        self, engine: Roles, fail_next: FailNext
    ) -> None:
        jobs = [new() for _ in range(min(engine.bounds.batch or 3, 3))]
        fail_next(1)
        with pytest.raises(PartlyEnqueued) as caught:
            await engine.producer.enqueue(jobs)
        assert list(caught.value.failed) == [jobs[0].id]
        assert all(caught.value.failed.values())
        assert caught.value.stored == tuple(job.id for job in jobs[1:])
        await engine.producer.enqueue(jobs[:1])
        claims = await take(engine, len(jobs) + 1)
        assert sorted(claim.job.id for claim in claims) == sorted(job.id for job in jobs)

    async def test_a_job_that_is_sent_twice_is_given_out_and_can_be_ended(
        self, engine: Roles
    ) -> None:
        """Once with IDEMPOTENT_ENQUEUE; without, once or twice."""
        job = new()
        for _ in range(2):
            await engine.producer.enqueue([job])
        claims = await take(engine, 3)
        once = Capability.IDEMPOTENT_ENQUEUE in engine.capabilities
        assert 1 <= len(claims) <= (1 if once else 2)
        assert {claim.job.id for claim in claims} == {job.id}
        for claim in claims:
            assert await end(engine, claim, Succeeded())
        assert await take(engine) == ()


def bound(declared: int | None) -> int:
    """Return a bound that the test's mark demands."""
    assert declared is not None
    return declared


def text(size: int) -> bytes:
    """Return JSON of so many bytes."""
    return b'{"x":"' + b"x" * (size - 8) + b'"}'
