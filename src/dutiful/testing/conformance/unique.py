"""Keeping a second live job of one key out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dutiful.contract.capability import Capability
from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import DuplicateJob
from dutiful.core.instant import HOUR, SECOND
from dutiful.core.job import NewJob
from dutiful.core.outcome import Cancelled, Discarded, Outcome, Released, Snoozed, Succeeded
from dutiful.core.state import FINAL, LIVE, State
from dutiful.core.unique import Conflict, unique
from dutiful.testing.conformance.moves import (
    FAILED,
    add,
    end,
    everything,
    look,
    new,
    one,
    rescue,
    take,
)
from dutiful.testing.conformance.requires import needs_advance, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock

ENDS: list[Any] = [
    pytest.param(Succeeded(), id="succeeded"),
    pytest.param(Discarded("x"), id="dead"),
    pytest.param(Cancelled(), id="cancelled"),
]


def order(conflict: Conflict = "existing", **fields: Any) -> NewJob:
    """Build a job of unique key ``order:42``."""
    return new(unique=unique("order:42", on_conflict=conflict), **fields)


@requires(Capability.UNIQUE)
class UniqueContract(Contract):
    """Holds unique rules, at rest and under races."""

    async def test_a_second_job_of_a_key_is_given_the_first(self, engine: Roles) -> None:
        first = order()
        await engine.producer.enqueue([first])
        assert await engine.producer.enqueue([order()]) == (Receipt(first.id, created=False),)
        assert len(await take(engine, 5)) == 1

    async def test_other_keys_are_let_in(self, engine: Roles) -> None:
        await engine.producer.enqueue([new(unique=unique(f"order:{n}")) for n in range(3)])
        assert len(await take(engine, 5)) == 3

    async def test_a_key_twice_in_one_batch_is_one_job(self, engine: Roles) -> None:
        first, second = await engine.producer.enqueue([order(), order()])
        assert (first.created, second.created, second.id) == (True, False, first.id)

    async def test_a_lost_reply_still_counts_as_created(self, engine: Roles) -> None:
        job = order("raise")
        assert (
            await engine.producer.enqueue([job])
            == await engine.producer.enqueue([job])
            == (Receipt(job.id),)
        )

    async def test_a_running_job_holds_its_key(self, engine: Roles) -> None:
        await engine.producer.enqueue([order()])
        await one(engine)
        assert not (await engine.producer.enqueue([order()]))[0].created

    @requires(Capability.DELAY)
    async def test_a_scheduled_job_holds_its_key(self, engine: Roles) -> None:
        await engine.producer.enqueue([order(delay=HOUR)])
        assert not (await engine.producer.enqueue([order()]))[0].created

    @pytest.mark.parametrize("outcome", [FAILED, Snoozed(HOUR), Released()])
    async def test_a_job_that_comes_back_holds_its_key(
        self, engine: Roles, outcome: Outcome
    ) -> None:
        await engine.producer.enqueue([order()])
        await end(engine, await one(engine), outcome)
        assert not (await engine.producer.enqueue([order()]))[0].created

    @requires(Capability.FLEET, Capability.FENCED)
    async def test_a_rescued_job_holds_its_key(self, engine: Roles) -> None:
        await engine.producer.enqueue([order()])
        await rescue(engine, await one(engine))
        assert not (await engine.producer.enqueue([order()]))[0].created

    @pytest.mark.parametrize("outcome", ENDS)
    async def test_a_job_that_ended_gives_its_key_back(
        self, engine: Roles, outcome: Outcome
    ) -> None:
        await engine.producer.enqueue([order()])
        await end(engine, await one(engine), outcome)
        assert (await engine.producer.enqueue([order()]))[0].created
        assert not (await engine.producer.enqueue([order()]))[0].created

    @pytest.mark.parametrize("outcome", ENDS)
    async def test_a_rule_over_all_states_holds_the_key_after_the_end(
        self, engine: Roles, outcome: Outcome
    ) -> None:
        rule = unique("order:42", states=(*LIVE, *FINAL))
        await engine.producer.enqueue([new(unique=rule)])
        await end(engine, await one(engine), outcome)
        assert not (await engine.producer.enqueue([new(unique=rule)]))[0].created
        assert not (await engine.producer.enqueue([order()]))[0].created

    @requires(Capability.PURGE)
    async def test_a_purged_job_gives_its_key_back(self, engine: Roles) -> None:
        rule = unique("order:42", states=(*LIVE, *FINAL))
        job_id = await add(engine, unique=rule)
        await end(engine, await one(engine), Succeeded())
        await engine.controller.purge([job_id])
        assert (await engine.producer.enqueue([new(unique=rule)]))[0].created

    async def test_a_key_is_held_across_tasks_and_queues(self, engine: Roles) -> None:
        await engine.producer.enqueue([order()])
        other = order(task="other", queue="mail")
        assert not (await engine.producer.enqueue([other]))[0].created

    @needs_advance("59m")
    async def test_a_period_admits_one_job_even_after_success(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        rule = unique("digest", period=HOUR)
        await engine.producer.enqueue([new(unique=rule)])
        await end(engine, await one(engine), Succeeded())
        clock.advance("59m")
        assert not (await engine.producer.enqueue([new(unique=rule)]))[0].created

    @needs_advance("1h")
    async def test_a_new_period_admits_a_new_job(self, engine: Roles, clock: SuiteClock) -> None:
        rule = unique("digest", period=HOUR)
        await engine.producer.enqueue([new(unique=rule)])
        clock.advance("1h")
        assert (await engine.producer.enqueue([new(unique=rule)]))[0].created

    async def test_a_dead_job_does_not_use_up_its_period(self, engine: Roles) -> None:
        rule = unique("digest", period=HOUR)
        await engine.producer.enqueue([new(unique=rule)])
        await end(engine, await one(engine), Discarded("x"))
        assert (await engine.producer.enqueue([new(unique=rule)]))[0].created

    async def test_raise_names_the_holder(self, engine: Roles) -> None:
        first = order()
        await engine.producer.enqueue([first])
        with pytest.raises(DuplicateJob) as caught:
            await engine.producer.enqueue([order("raise")])
        assert (caught.value.key, caught.value.existing) == ("order:42", first.id)

    async def test_raise_names_the_key_as_it_was_given(self, engine: Roles) -> None:
        rule = unique("digest", period=HOUR, on_conflict="raise")
        await engine.producer.enqueue([new(unique=rule)])
        with pytest.raises(DuplicateJob) as caught:
            await engine.producer.enqueue([new(unique=rule)])
        assert caught.value.key == "digest"

    @requires(Capability.INSPECT)
    async def test_raise_stores_none_of_the_batch(self, engine: Roles) -> None:
        await engine.producer.enqueue([order(args=b"1")])
        batch = [new(), order("replace", args=b"2"), order("raise"), new()]
        with pytest.raises(DuplicateJob):
            await engine.producer.enqueue(batch)
        (only,) = await everything(engine)
        assert only.args == b"1"
        assert (await engine.inspector.tally())["enqueued"] == 1

    async def test_raise_within_one_batch_stores_none(self, engine: Roles) -> None:
        with pytest.raises(DuplicateJob):
            await engine.producer.enqueue([order("raise"), order("raise")])
        assert await take(engine, 5) == ()

    @requires(Capability.INSPECT)
    @needs_step
    async def test_replace_hands_the_existing_job_new_arguments_and_times(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        first = order(args=b"1", max_attempts=2)
        await engine.producer.enqueue([first])
        enqueued_at = clock.now()
        clock.advance("1m")
        later = order("replace", args=b"2", delay=HOUR, max_attempts=9, tags=("new",))
        assert await engine.producer.enqueue([later]) == (
            Receipt(first.id, created=False, replaced=True),
        )
        job = await look(engine, first.id)
        assert (job.args, job.state, job.tags) == (b"2", State.SCHEDULED, ("new",))
        assert (job.run_at, job.max_attempts) == (clock.now() + HOUR, 9)
        assert (job.enqueued_at, job.unique_key) == (enqueued_at, "order:42")
        assert len(await everything(engine)) == 1

    @needs_advance("10s")
    async def test_replacing_again_and_again_debounces(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        for text in (b"1", b"2", b"3"):
            await engine.producer.enqueue([order("replace", args=text, delay=10 * SECOND)])
            clock.advance("9s")
        assert await take(engine) == ()
        clock.advance("1s")
        assert (await one(engine)).job.args == b"3"

    @requires(Capability.INSPECT)
    async def test_replace_keeps_the_attempts_spent(self, engine: Roles) -> None:
        first = order()
        await engine.producer.enqueue([first])
        claim = await one(engine)
        await end(engine, claim, FAILED)
        await engine.producer.enqueue([order("replace")])
        job = await look(engine, first.id)
        assert (job.attempt, job.fence, job.state) == (1, claim.job.fence, State.QUEUED)

    @requires(Capability.INSPECT)
    async def test_replace_leaves_a_running_job_alone(self, engine: Roles) -> None:
        first = order(args=b"1")
        await engine.producer.enqueue([first])
        before = (await one(engine)).job
        (receipt,) = await engine.producer.enqueue([order("replace", args=b"2")])
        assert (receipt.id, receipt.created, receipt.replaced) == (first.id, False, False)
        assert await look(engine, first.id) == before

    async def test_two_instances_at_once_admit_one_job(self, engines: tuple[Roles, Roles]) -> None:
        answers = await asyncio.gather(
            *(engines[n % 2].producer.enqueue([order()]) for n in range(20))
        )
        assert sum(receipts[0].created for receipts in answers) == 1
        assert len({receipts[0].id for receipts in answers}) == 1
        assert len(await take(engines[0], 20)) == 1

    @requires(Capability.SYNC_ENQUEUE)
    async def test_two_threads_at_once_admit_one_job(self, engines: tuple[Roles, Roles]) -> None:
        answers = await _in_threads(
            *(lambda n=n: engines[n % 2].sync_producer.enqueue_sync([order()]) for n in range(8))
        )
        assert sum(receipts[0].created for receipts in answers) == 1

    async def test_an_end_and_an_enqueue_at_once_admit_one_live_job(
        self, engines: tuple[Roles, Roles]
    ) -> None:
        await engines[0].producer.enqueue([order()])
        claim = await one(engines[0])
        _, receipts = await asyncio.gather(
            end(engines[0], claim, Succeeded()), engines[1].producer.enqueue([order()])
        )
        assert len(await take(engines[0], 5)) == int(receipts[0].created)


async def _in_threads(*calls: Callable[[], tuple[Receipt, ...]]) -> list[tuple[Receipt, ...]]:
    return await asyncio.gather(*(asyncio.to_thread(call) for call in calls))
