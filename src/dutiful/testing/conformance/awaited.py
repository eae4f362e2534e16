"""A task's transaction on a connection that is awaited."""

from __future__ import annotations

from typing import Any, Protocol

from dutiful.contract.capability import Capability
from dutiful.contract.roles.transactional import AsyncJobTransaction
from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome, Snoozed, Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import FAILED, add, end, ending, look, new, one, rescue, take
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.transaction import Ledger


class AsyncLedger(Ledger, Protocol):
    """A ledger whose ``awrite`` is given what ``abegin`` returned."""

    async def awrite(self, connection: Any, line: str) -> None:
        """Write a line through an awaited connection."""
        ...


@requires(Capability.TRANSACTION, Capability.AWAITED_TRANSACTION)
class AwaitedContract(Contract):
    """Holds ``atransaction`` as `TransactionContract` holds ``transaction``; wants ``ledger``."""

    @requires(Capability.INSPECT)
    async def test_writes_and_completion_commit_together(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        job_id = await add(engine)
        assert await commit(engine, ledger, await one(engine), Succeeded(b"1"))
        assert ledger.lines() == ["paid"]
        job = await look(engine, job_id)
        assert (job.state, job.result) == (State.SUCCEEDED, b"1")

    async def test_nothing_is_seen_before_the_commit(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        await add(engine)
        claim = await one(engine)
        transaction = opened(engine, claim)
        await ledger.awrite(await transaction.abegin(), "paid")
        assert ledger.lines() == []
        assert await transaction.acommit(ending(claim, Succeeded()))
        assert ledger.lines() == ["paid"]

    @requires(Capability.FLEET, Capability.FENCED)
    async def test_a_rescued_claim_commits_nothing(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        await add(engine)
        stale = await one(engine)
        await rescue(engine, stale)
        assert not await commit(engine, ledger, stale, Succeeded())
        assert ledger.lines() == []

    @requires(Capability.INSPECT, Capability.FLEET, Capability.FENCED)
    async def test_a_stale_claim_commits_nothing_while_another_runs(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        job_id = await add(engine)
        stale = await one(engine)
        await rescue(engine, stale)
        fresh = await one(engine)
        assert not await commit(engine, ledger, stale, Succeeded())
        assert ledger.lines() == []
        assert await look(engine, job_id) == fresh.job

    @requires(Capability.FLEET, Capability.FENCED)
    async def test_the_claim_may_become_stale_before_the_commit(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        await add(engine)
        stale = await one(engine)
        transaction = opened(engine, stale)
        await ledger.awrite(await transaction.abegin(), "paid")
        await rescue(engine, stale)
        assert not await transaction.acommit(ending(stale, Succeeded()))
        assert ledger.lines() == []

    @requires(Capability.INSPECT)
    async def test_a_rollback_undoes_the_writes_and_leaves_the_job_running(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        await add(engine)
        claim = await one(engine)
        transaction = opened(engine, claim)
        await ledger.awrite(await transaction.abegin(), "paid")
        await transaction.arollback()
        assert ledger.lines() == []
        assert await look(engine, claim.job.id) == claim.job
        assert await end(engine, claim, FAILED)

    async def test_a_rollback_of_nothing_is_harmless(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)
        transaction = opened(engine, claim)
        await transaction.arollback()
        await transaction.abegin()
        await transaction.arollback()
        await transaction.arollback()
        assert await end(engine, claim, Succeeded())

    @requires(Capability.INSPECT)
    async def test_a_snooze_commits_with_the_writes_too(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        job_id = await add(engine)
        assert await commit(engine, ledger, await one(engine), Snoozed(1))
        assert ledger.lines() == ["paid"]
        assert (await look(engine, job_id)).state is State.WAITING

    @requires(Capability.INSPECT, Capability.CANCEL)
    async def test_a_cancel_request_turns_a_committed_snooze_into_the_end(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.controller.cancel([job_id])
        assert await commit(engine, ledger, claim, Snoozed(1))
        assert (await look(engine, job_id)).state is State.CANCELLED

    async def test_a_claim_commits_once(self, engine: Roles, ledger: AsyncLedger) -> None:
        await add(engine)
        claim = await one(engine)
        answers = [await commit(engine, ledger, claim, Succeeded()) for _ in range(2)]
        assert answers == [True, False]
        assert ledger.lines() == ["paid"]
        assert await end(engine, claim, Succeeded())
        assert await take(engine) == ()

    @requires(Capability.CALLER_TRANSACTION)
    async def test_jobs_are_enqueued_with_the_tasks_writes(
        self, engine: Roles, ledger: AsyncLedger
    ) -> None:
        await add(engine)
        claim = await one(engine)
        transaction = opened(engine, claim)
        follow_up = new()
        await engine.caller_producer.aenqueue_on(await transaction.abegin(), [follow_up])
        assert await take(engine) == ()
        assert await transaction.acommit(ending(claim, Succeeded()))
        assert (await one(engine)).job.id == follow_up.id


def opened(engine: Roles, claim: Claim) -> AsyncJobTransaction:
    """Return the awaited transaction that the engine declares to have."""
    transaction = engine.transactional.atransaction(claim)
    assert transaction is not None
    return transaction


async def commit(engine: Roles, ledger: AsyncLedger, claim: Claim, outcome: Outcome) -> bool:
    """Write one line and commit it with the end of the attempt."""
    transaction = opened(engine, claim)
    await ledger.awrite(await transaction.abegin(), "paid")
    return await transaction.acommit(ending(claim, outcome))
