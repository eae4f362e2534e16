"""Which claimed jobs start, and which end or wait without having run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from dutiful import App
from dutiful.core.instant import SECOND
from dutiful.core.job import Claim
from dutiful.core.lease import Lease
from dutiful.core.outcome import Cancelled, Released, Snoozed
from dutiful.testing.clock import FakeClock
from dutiful.worker.delayed import HELD_MOST
from dutiful.worker.executor import Executor
from dutiful.worker.job_leases import JobLeases
from tests.unit.worker.parts import Parts, claim

MAX = 3


@asynccontextmanager
async def slots(crashes_max: int = MAX) -> AsyncIterator[Executor]:
    """Give slots whose jobs run until the end of the block."""
    async with App("memory://", crashes_max=crashes_max) as app:
        gate = asyncio.Event()

        @app.task(name="task")
        async def waits() -> None:
            await gate.wait()

        executor = Parts(app).executor
        yield executor
        gate.set()
        await asyncio.gather(*(one.body for one in executor.running.values() if one.body))
        assert await executor.close()


@pytest.mark.parametrize("first", [MAX - 1, MAX])
@pytest.mark.parametrize("second", [MAX - 1, MAX])
async def test_of_jobs_before_their_last_crash_one_runs(first: int, second: int) -> None:
    async with slots() as executor:
        later, last = claim("later", crashes=second), claim("last", crashes=second)
        executor.offer([claim("first", crashes=first), later, last])
        assert set(executor.running) == {"first"}
        assert [one for one, _ in executor.ended] == [later, last]


@pytest.mark.parametrize(("takes", "gap"), [(0, 50_000), (0.5, 500_000), (3600, 2_000_000)])
async def test_those_that_are_put_off_have_turns_one_after_the_other(
    takes: float, gap: int
) -> None:
    async with slots() as executor:
        executor.prefetch.observe(takes)
        others = [claim(f"{number}", crashes=MAX) for number in range(2000)]
        executor.offer([claim("first", crashes=MAX), *others])
        delays = [outcome.delay for _, outcome in executor.ended if isinstance(outcome, Snoozed)]
        assert len(delays) == 2000
        assert gap - 1 <= delays[0] <= gap
        assert gap < delays[1] <= 2 * gap
        assert all(delay <= 60 * SECOND for delay in delays)
        assert delays[-1] > 59 * SECOND


@pytest.mark.parametrize(("first", "second"), [(MAX - 1, MAX - 2), (MAX - 2, MAX - 1), (0, MAX)])
async def test_jobs_run_together_while_at_most_one_may_crash_for_the_last_time(
    first: int, second: int
) -> None:
    async with slots() as executor:
        executor.offer([claim("first", crashes=first), claim("second", crashes=second)])
        assert set(executor.running) == {"first", "second"}


async def test_jobs_run_together_where_every_crash_is_the_last() -> None:
    """Then each job is as suspect as any other, and a worker would run one at a time."""
    async with slots(crashes_max=1) as executor:
        executor.offer([claim("first"), claim("second", crashes=1)])
        assert set(executor.running) == {"first", "second"}


@pytest.mark.parametrize(
    "given", [claim("1"), claim("1", crashes=1), replace(claim("1"), steps={"one": b"1"})]
)
async def test_a_job_that_was_cancelled_ends_whatever_it_went_through(given: Claim) -> None:
    async with slots() as executor:
        cancelled = replace(given, job=replace(given.job, cancel_requested=True))
        executor.offer([cancelled])
        assert executor.ended == [(cancelled, Cancelled())]
        assert not executor.running


async def test_an_idle_executor_rests_and_wants_a_job_for_each_slot() -> None:
    async with slots() as executor:
        assert executor.resting
        assert executor.done == 0
        assert executor.wanted() == 10


async def test_what_runs_waits_or_has_ended_is_held_and_leaves_no_rest() -> None:
    async with slots() as executor:
        executor.offer([claim(str(number)) for number in range(12)])
        assert executor.held() == {str(number) for number in range(12)}
        assert (len(executor.running), len(executor.waiting), executor.wanted()) == (10, 2, 0)
        executor.cancel({"11", "99"})
        assert [one.job.id for one, _ in executor.ended] == ["11"]
        assert executor.held() == {str(number) for number in range(12)}
        assert not executor.resting
    for kept in ("ended", "waiting"):
        async with slots() as executor:
            one = claim("1")
            getattr(executor, kept).append((one, Cancelled()) if kept == "ended" else one)
            assert not executor.resting
            assert executor.held() == {"1"}
            executor.waiting.clear()


async def test_a_draining_executor_wants_nothing_and_hands_back_what_has_not_begun() -> None:
    async with slots() as executor:
        claims = [claim(str(number)) for number in range(11)]
        executor.offer(claims)
        executor.drain()
        executor.offer([claim("late")])
        assert executor.wanted() == 0
        assert [(one.job.id, how) for one, how in executor.take_ended()] == [
            ("10", Released()),
            ("late", Released()),
        ]
        assert len(executor.running) == 10


async def test_an_executor_with_too_few_threads_claims_only_for_free_slots() -> None:
    async with slots() as executor:
        executor.offer([claim("1"), claim("2")])
        executor.capacity.shrink(5, "no thread")
        assert executor.wanted() == 3
        executor.offer([claim(str(number)) for number in range(3, 10)])
        assert (len(executor.running), executor.wanted()) == (5, 0)
        executor.release_prefetched()


async def test_what_is_given_up_is_handed_back_and_counts_as_done() -> None:
    async with slots() as executor:
        executor.offer([claim("1"), claim("2")])
        bodies = [running.body for running in executor.running.values()]
        assert executor.give_up() == 2
        assert [(one.job.id, how) for one, how in executor.ended] == [
            ("1", Released()),
            ("2", Released()),
        ]
        assert (executor.done, len(executor.running)) == (2, 0)
        for body in bodies:
            assert body is not None
            body.cancel()
        await asyncio.wait([body for body in bodies if body is not None])


async def test_an_executor_that_keeps_too_many_ends_wants_nothing() -> None:
    async with slots() as executor:
        ends = [(claim(str(number)), Cancelled()) for number in range(HELD_MOST)]
        executor.delayed.keep(ends, tuple(one.job.id for one, _ in ends))
        assert executor.wanted() == 0


async def test_an_idle_executor_that_drains_wants_nothing() -> None:
    async with slots() as executor:
        executor.drain()
        assert executor.wanted() == 0


async def test_the_lease_of_a_job_that_ended_in_its_own_transaction_is_not_renewed() -> None:
    async with App("memory://") as app:
        gate = asyncio.Event()

        @app.task(name="task")
        async def waits() -> None:
            await gate.wait()

        leases = JobLeases(Lease(), FakeClock())
        executor = Parts(app, leases=leases).executor
        executor.offer([claim("1")])
        (running,) = executor.running.values()
        assert leases.due(None) == [(running.claim,)]
        body = running.body
        executor._finish(running, None)
        assert leases.due(None) == []
        assert body is not None
        gate.set()
        await body
        assert await executor.close()
