"""Enqueueing on the caller's own connection, to commit or roll back with its rows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

import pytest

from dutiful.contract.capability import Capability
from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import DuplicateJob, UsageError
from dutiful.core.instant import HOUR
from dutiful.core.job import NewJob
from dutiful.core.outcome import Succeeded
from dutiful.core.state import State
from dutiful.core.unique import unique
from dutiful.testing.conformance.moves import add, end, everything, look, new, one, take
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.transaction import Ledger
from dutiful.testing.conformance.wake import LONG, SOON


class Caller(Protocol):
    """Code with its own connection to the store; an engine's author provides one kind, or several.

    Its first statement begins a transaction, and so does the first after each end.
    """

    connection: Any
    awaited: bool
    """Whether it enqueues from async code, by ``aenqueue_on``."""

    async def write(self, line: str) -> None:
        """Write a line, as `Ledger.write` does, in the transaction."""
        ...

    async def commit(self) -> None:
        """Commit the transaction."""
        ...

    async def rollback(self) -> None:
        """Roll the transaction back."""
        ...


@requires(Capability.CALLER_TRANSACTION)
class CallerContract(Contract):
    """Holds ``enqueue_on`` and ``aenqueue_on``; wants fixtures ``caller`` and ``ledger``."""

    async def test_a_commit_makes_a_job_claimable(self, engine: Roles, caller: Caller) -> None:
        job = new()
        assert await put(engine, caller, job) == (Receipt(job.id),)
        assert await take(engine) == ()
        await caller.commit()
        assert await end(engine, await one(engine), Succeeded())

    @requires(Capability.INSPECT)
    async def test_nobody_else_sees_a_job_before_the_commit(
        self, engine: Roles, caller: Caller
    ) -> None:
        job = new()
        await put(engine, caller, job)
        assert await engine.inspector.get([job.id]) == ()
        assert (await engine.inspector.tally())["enqueued"] == 0
        await caller.commit()
        assert (await look(engine, job.id)).state is State.QUEUED
        assert (await engine.inspector.tally())["enqueued"] == 1

    async def test_jobs_and_the_callers_rows_commit_together(
        self, engine: Roles, caller: Caller, ledger: Ledger
    ) -> None:
        await caller.write("before")
        await put(engine, caller, new())
        await caller.write("after")
        assert ledger.lines() == []
        await caller.commit()
        assert sorted(ledger.lines()) == ["after", "before"]
        await one(engine)

    @requires(Capability.INSPECT)
    async def test_a_rollback_leaves_no_trace(
        self, engine: Roles, caller: Caller, ledger: Ledger
    ) -> None:
        await caller.write("before")
        await put(engine, caller, new(), new())
        await caller.rollback()
        assert ledger.lines() == []
        assert await everything(engine) == ()
        assert (await engine.inspector.tally())["enqueued"] == 0

    @requires(Capability.INSPECT)
    async def test_a_rollback_undoes_jobs_that_came_before_any_row(
        self, engine: Roles, caller: Caller
    ) -> None:
        await put(engine, caller, new())
        await caller.rollback()
        assert await everything(engine) == ()

    async def test_one_transaction_follows_another(self, engine: Roles, caller: Caller) -> None:
        jobs = [new() for _ in range(3)]
        await put(engine, caller, jobs[0])
        await caller.commit()
        await put(engine, caller, jobs[1])
        await caller.rollback()
        await put(engine, caller, jobs[2])
        await caller.commit()
        claimed = await take(engine, limit=3)
        assert [claim.job.id for claim in claimed] == [jobs[0].id, jobs[2].id]

    @requires(Capability.ORDER)
    async def test_many_jobs_keep_their_order(self, engine: Roles, caller: Caller) -> None:
        jobs = [new() for _ in range(300)]
        receipts = await put(engine, caller, *jobs)
        assert receipts == tuple(Receipt(job.id) for job in jobs)
        await caller.commit()
        claims = await take(engine, limit=300)
        assert [claim.job.id for claim in claims] == [job.id for job in jobs]

    async def test_no_jobs_are_no_trouble(self, engine: Roles, caller: Caller) -> None:
        assert await put(engine, caller) == ()
        await caller.commit()
        assert await take(engine) == ()

    @requires(Capability.DELAY, Capability.INSPECT)
    async def test_a_delay_counts_from_the_stores_clock(
        self, engine: Roles, caller: Caller
    ) -> None:
        later, sooner = new(delay=HOUR), new()
        await put(engine, caller, later, sooner)
        await caller.commit()
        delayed, due = [await look(engine, job.id) for job in (later, sooner)]
        assert delayed.state is State.SCHEDULED
        assert delayed.run_at - due.run_at == HOUR

    @requires(Capability.NOTIFY)
    async def test_a_commit_wakes_a_listener(self, engine: Roles, caller: Caller) -> None:
        await engine.consumer.wait(["default"], 0.05)
        listener = asyncio.create_task(engine.consumer.wait(["default"], LONG))
        await asyncio.sleep(0.05)
        await put(engine, caller, new())
        await asyncio.sleep(0.1)
        assert not listener.done()
        await caller.commit()
        async with asyncio.timeout(SOON):
            await listener

    @requires(Capability.INSPECT, Capability.IDEMPOTENT_ENQUEUE)
    async def test_the_same_job_twice_is_stored_once(self, engine: Roles, caller: Caller) -> None:
        job = new()
        for _ in range(2):
            assert await put(engine, caller, job) == (Receipt(job.id),)
        await caller.commit()
        assert await put(engine, caller, job, new()) != ()
        await caller.commit()
        assert (await engine.inspector.tally())["enqueued"] == 2
        assert len(await everything(engine)) == 2

    async def test_what_is_no_connection_is_refused(self, engine: Roles, caller: Caller) -> None:
        with pytest.raises(UsageError):
            engine.caller_producer.enqueue_on(object(), [new()])
        with pytest.raises(UsageError):
            await engine.caller_producer.aenqueue_on(object(), [new()])

    @requires(Capability.UNIQUE, Capability.INSPECT)
    async def test_a_refused_batch_undoes_only_itself(
        self, engine: Roles, caller: Caller, ledger: Ledger
    ) -> None:
        rule = unique("k", on_conflict="raise")
        await add(engine, unique=rule, queue="other")
        kept = new()
        await caller.write("kept")
        await put(engine, caller, kept)
        with pytest.raises(DuplicateJob):
            await put(engine, caller, new(), new(unique=rule), new())
        await caller.commit()
        assert ledger.lines() == ["kept"]
        assert (await one(engine)).job.id == kept.id
        assert (await engine.inspector.tally())["enqueued"] == 2

    @requires(Capability.UNIQUE)
    async def test_a_refusal_leaves_the_transaction_usable(
        self, engine: Roles, caller: Caller, ledger: Ledger
    ) -> None:
        rule = unique("k", on_conflict="raise")
        await add(engine, unique=rule, queue="other")
        for _ in range(2):
            with pytest.raises(DuplicateJob):
                await put(engine, caller, new(unique=rule))
        await caller.write("after")
        after = new()
        await put(engine, caller, after)
        await caller.commit()
        assert ledger.lines() == ["after"]
        assert (await one(engine)).job.id == after.id

    @requires(Capability.UNIQUE)
    async def test_a_key_is_held_within_the_transaction(
        self, engine: Roles, caller: Caller
    ) -> None:
        (first,) = await put(engine, caller, new(unique=unique("k")))
        (second,) = await put(engine, caller, new(unique=unique("k")))
        assert second == Receipt(first.id, created=False)
        await caller.commit()
        assert (await one(engine)).job.id == first.id
        assert await take(engine) == ()

    @requires(Capability.UNIQUE)
    async def test_a_rollback_frees_the_key(self, engine: Roles, caller: Caller) -> None:
        await put(engine, caller, new(unique=unique("k")))
        await caller.rollback()
        job = new(unique=unique("k", on_conflict="raise"))
        assert await engine.producer.enqueue([job]) == (Receipt(job.id),)

    @requires(Capability.UNIQUE, Capability.INSPECT)
    async def test_a_replacement_is_undone_with_the_rest(
        self, engine: Roles, caller: Caller
    ) -> None:
        job_id = await add(engine, unique=unique("k"))
        before = await look(engine, job_id)
        other = new(args=b'{"x":1}', unique=unique("k", on_conflict="replace"))
        (receipt,) = await put(engine, caller, other)
        assert receipt == Receipt(job_id, created=False, replaced=True)
        await caller.rollback()
        assert await look(engine, job_id) == before
        await put(engine, caller, other)
        await caller.commit()
        assert (await look(engine, job_id)).args == other.args


async def put(engine: Roles, caller: Caller, *jobs: NewJob) -> Sequence[Receipt]:
    """Enqueue on the caller's connection, as its kind of code does."""
    if caller.awaited:
        return await engine.caller_producer.aenqueue_on(caller.connection, jobs)
    return engine.caller_producer.enqueue_on(caller.connection, jobs)
