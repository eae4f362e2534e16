"""Committing a task's own writes together with its completion."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from dutiful.contract.capability import Capability
from dutiful.core.job import Claim
from dutiful.core.outcome import Outcome, Snoozed, Succeeded
from dutiful.core.state import State
from dutiful.testing.conformance.moves import FAILED, add, end, ending, look, one, rescue, take
from dutiful.testing.conformance.requires import requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract


class Ledger(Protocol):
    """How the suite writes as a task does; an author whose engine has transactions provides it."""

    def write(self, connection: Any, line: str) -> None:
        """Write a line through what ``begin`` returned."""
        ...

    def lines(self) -> list[str]:
        """Read the committed lines, past the engine."""
        ...


@requires(Capability.TRANSACTION)
class TransactionContract(Contract):
    """Holds the role `Transactional`; wants a fixture ``ledger`` beside ``connect``."""

    @requires(Capability.INSPECT)
    async def test_writes_and_completion_commit_together(
        self, engine: Roles, ledger: Ledger
    ) -> None:
        job_id = await add(engine)
        assert await commit(engine, ledger, await one(engine), Succeeded(b"1"))
        assert ledger.lines() == ["paid"]
        job = await look(engine, job_id)
        assert (job.state, job.result) == (State.SUCCEEDED, b"1")

    async def test_a_committed_job_is_not_given_again(self, engine: Roles, ledger: Ledger) -> None:
        await add(engine)
        await commit(engine, ledger, await one(engine), Succeeded())
        assert await take(engine) == ()

    @requires(Capability.INSPECT, Capability.FLEET, Capability.FENCED)
    async def test_a_rescued_claim_commits_nothing(self, engine: Roles, ledger: Ledger) -> None:
        job_id = await add(engine)
        stale = await one(engine)
        await rescue(engine, stale)
        before = await look(engine, job_id)
        assert not await commit(engine, ledger, stale, Succeeded())
        assert ledger.lines() == []
        assert await look(engine, job_id) == before

    @requires(Capability.INSPECT, Capability.FLEET, Capability.FENCED)
    async def test_a_stale_claim_commits_nothing_while_another_runs(
        self, engine: Roles, ledger: Ledger
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
        self, engine: Roles, ledger: Ledger
    ) -> None:
        await add(engine)
        stale = await one(engine)
        transaction = engine.transactional.transaction(stale)
        await rescue(engine, stale)
        accepted = await asyncio.to_thread(_run, transaction, ledger, ending(stale, Succeeded()))
        assert not accepted
        assert ledger.lines() == []

    @requires(Capability.INSPECT)
    async def test_a_rollback_undoes_the_writes_and_leaves_the_job_running(
        self, engine: Roles, ledger: Ledger
    ) -> None:
        await add(engine)
        claim = await one(engine)

        def attempt() -> None:
            transaction = engine.transactional.transaction(claim)
            ledger.write(transaction.begin(), "paid")
            transaction.rollback()

        await asyncio.to_thread(attempt)
        assert ledger.lines() == []
        assert await look(engine, claim.job.id) == claim.job
        assert await end(engine, claim, FAILED)

    async def test_a_rollback_of_nothing_is_harmless(self, engine: Roles) -> None:
        await add(engine)
        claim = await one(engine)

        def attempt() -> None:
            transaction = engine.transactional.transaction(claim)
            transaction.rollback()
            transaction.begin()
            transaction.rollback()
            transaction.rollback()

        await asyncio.to_thread(attempt)
        assert await end(engine, claim, Succeeded())

    @requires(Capability.INSPECT)
    async def test_a_snooze_commits_with_the_writes_too(
        self, engine: Roles, ledger: Ledger
    ) -> None:
        job_id = await add(engine)
        assert await commit(engine, ledger, await one(engine), Snoozed(1))
        assert ledger.lines() == ["paid"]
        assert (await look(engine, job_id)).state is State.WAITING

    @requires(Capability.INSPECT, Capability.CANCEL)
    async def test_a_cancel_request_turns_a_committed_snooze_into_the_end(
        self, engine: Roles, ledger: Ledger
    ) -> None:
        job_id = await add(engine)
        claim = await one(engine)
        await engine.controller.cancel([job_id])
        assert await commit(engine, ledger, claim, Snoozed(1))
        assert (await look(engine, job_id)).state is State.CANCELLED

    async def test_a_job_settled_already_commits_nothing_more(
        self, engine: Roles, ledger: Ledger
    ) -> None:
        await add(engine)
        claim = await one(engine)
        await end(engine, claim, Succeeded())
        assert not await commit(engine, ledger, claim, Succeeded())
        assert ledger.lines() == []

    async def test_a_claim_commits_once(self, engine: Roles, ledger: Ledger) -> None:
        await add(engine)
        claim = await one(engine)
        answers = [await commit(engine, ledger, claim, Succeeded()) for _ in range(2)]
        assert answers == [True, False]
        assert ledger.lines() == ["paid"]

    async def test_an_awaited_one_is_there_where_it_is_declared(self, engine: Roles) -> None:
        await add(engine)
        awaited = engine.transactional.atransaction(await one(engine)) is not None
        assert awaited == (Capability.AWAITED_TRANSACTION in engine.capabilities)

    async def test_a_commit_settles_as_the_worker_would(
        self, engine: Roles, ledger: Ledger
    ) -> None:
        await add(engine)
        claim = await one(engine)
        await commit(engine, ledger, claim, Succeeded())
        assert await end(engine, claim, Succeeded())


async def commit(engine: Roles, ledger: Ledger, claim: Claim, outcome: Outcome) -> bool:
    """Write one line and commit it with the end of the attempt, in one thread."""
    transaction = engine.transactional.transaction(claim)
    return await asyncio.to_thread(_run, transaction, ledger, ending(claim, outcome))


def _run(transaction: Any, ledger: Ledger, settlement: Any) -> bool:
    ledger.write(transaction.begin(), "paid")
    accepted: bool = transaction.commit(settlement)
    return accepted
