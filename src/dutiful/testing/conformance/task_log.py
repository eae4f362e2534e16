"""Keeping what tasks log, with the end of their attempts."""

from __future__ import annotations

from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.roles.controller import Redrive
from dutiful.contract.roles.transfer import Record
from dutiful.core.job import Claim
from dutiful.core.outcome import Discarded, Outcome, Released, Snoozed, Succeeded
from dutiful.core.settle import Settlement
from dutiful.core.task_log import JOB_LINES, LogLine
from dutiful.testing.conformance.copy import full
from dutiful.testing.conformance.moves import FAILED, add, end, ending, one, rescue
from dutiful.testing.conformance.requires import needs_advance, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock
from dutiful.testing.conformance.transaction import Ledger, commit


def lines(*messages: str, attempt: int = 1) -> tuple[LogLine, ...]:
    """Make up lines of an attempt."""
    return tuple(LogLine(attempt, 1_000, "info", "shop", message) for message in messages)


def logged(claim: Claim, *messages: str) -> Claim:
    """Return a claim whose attempt has logged something."""
    return replace(claim, log=lines(*messages, attempt=claim.job.attempt))


@requires(Capability.LOGS)
class LogContract(Contract):
    """Holds `LogReader`, and what `Consumer.exchange` and a transaction write for it."""

    async def test_lines_are_stored_with_the_end_of_their_attempt(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = logged(await one(engine), "one", "two")
        assert await engine.logs.lines(job_id) == ()
        await end(engine, claim, Succeeded())
        assert await engine.logs.lines(job_id) == lines("one", "two")

    async def test_a_job_that_logged_nothing_has_no_lines(self, engine: Roles) -> None:
        job_id = await add(engine)
        await end(engine, await one(engine), Succeeded())
        assert await engine.logs.lines(job_id) == ()
        assert await engine.logs.lines("nobody") == ()

    @needs_advance("10s")
    async def test_later_attempts_are_added(self, engine: Roles, clock: SuiteClock) -> None:
        job_id = await add(engine)
        outcomes: tuple[Outcome, ...] = (FAILED, Snoozed(0), Released(), Discarded("no use"))
        for number, outcome in enumerate(outcomes):
            await end(engine, logged(await one(engine), f"line {number}"), outcome)
            clock.advance("10s")
        kept = await engine.logs.lines(job_id)
        assert [(line.attempt, line.message) for line in kept] == [
            (1, "line 0"),
            (2, "line 1"),
            (2, "line 2"),
            (2, "line 3"),
        ]

    async def test_ends_of_many_jobs_keep_their_own_lines(self, engine: Roles) -> None:
        ids = [await add(engine) for _ in range(6)]
        ends: list[Settlement] = []
        outcomes: list[Outcome] = [Succeeded(b"1"), FAILED, Discarded("no use")]
        for number in range(6):
            claim = await one(engine)
            claim = logged(claim, claim.job.id) if number % 2 else claim
            ends.append(ending(claim, outcomes[number % 3]))
        answer = await engine.consumer.exchange("w1", ends, None)
        assert (answer.refused, answer.delayed) == ((), ())
        found = [[line.message for line in await engine.logs.lines(one)] for one in ids]
        with_lines = {item.claim.job.id for item in ends if item.claim.log}
        assert found == [[job_id] if job_id in with_lines else [] for job_id in ids]

    async def test_any_text_comes_back(self, engine: Roles) -> None:
        job_id = await add(engine)
        texts = ("", "a\nb", "\x1b[31m", "\u2028", "\U0001f600", "\x01\x7f", "x" * 20_000)
        await end(engine, logged(await one(engine), *texts), Succeeded())
        assert await engine.logs.lines(job_id) == lines(*texts)

    async def test_what_is_kept_of_a_job_is_bounded(self, engine: Roles) -> None:
        job_id = await add(engine)
        for number in range(8):
            texts = [f"{number}/{place}" for place in range(50)]
            await end(engine, logged(await one(engine), *texts), Released())
        kept = await engine.logs.lines(job_id)
        assert len(kept) == JOB_LINES
        assert (kept[0].message, kept[-1].message) == ("0/0", "7/49")
        assert [line.skipped for line in kept if line.skipped] == [8 * 50 - JOB_LINES]

    @requires(Capability.FENCED)
    async def test_a_settlement_that_is_sent_again_adds_nothing(self, engine: Roles) -> None:
        job_id = await add(engine)
        claim = logged(await one(engine), "once")
        for _ in range(2):
            answer = await engine.consumer.exchange("w1", [ending(claim, Succeeded())], None)
            assert answer.refused == ()
        assert await engine.logs.lines(job_id) == lines("once")

    @requires(Capability.FLEET, Capability.FENCED)
    async def test_a_stale_claim_stores_no_line(self, engine: Roles) -> None:
        job_id = await add(engine)
        stale = logged(claim := await one(engine), "stale")
        await rescue(engine, claim)
        for outcome in (Succeeded(), FAILED, Released()):
            answer = await engine.consumer.exchange("w1", [ending(stale, outcome)], None)
            assert answer.refused == (job_id,)
        assert await engine.logs.lines(job_id) == ()
        fresh = logged(await one(engine), "fresh")
        await engine.consumer.exchange("w1", [ending(stale, Succeeded())], None)
        await end(engine, fresh, Succeeded())
        assert [line.message for line in await engine.logs.lines(job_id)] == ["fresh"]

    @requires(Capability.REDRIVE)
    async def test_a_redriven_job_keeps_its_lines(self, engine: Roles) -> None:
        job_id = await add(engine)
        await end(engine, logged(await one(engine), "dead"), Discarded("no use"))
        assert await engine.controller.redrive([Redrive(job_id, args=b'{"n":2}')]) == (job_id,)
        await end(engine, logged(await one(engine), "alive"), Succeeded())
        assert await engine.logs.lines(job_id) == lines("dead", "alive")

    @requires(Capability.PURGE)
    async def test_lines_are_purged_with_their_job(self, engine: Roles) -> None:
        job_id = await add(engine)
        await end(engine, logged(await one(engine), "dead"), Discarded("no use"))
        assert await engine.controller.purge([job_id]) == (job_id,)
        assert await engine.logs.lines(job_id) == ()

    @requires(Capability.PRUNE)
    @needs_advance("1h")
    async def test_lines_are_pruned_with_their_job(self, engine: Roles, clock: SuiteClock) -> None:
        job_id = await add(engine)
        claim = logged(await one(engine), "done")
        await end(engine, claim, Succeeded())
        clock.advance("1h")
        assert await engine.retention.prune(4, 1, 100) == 1
        assert await engine.logs.lines(job_id) == ()

    @requires(Capability.EXPORT, Capability.IMPORT)
    async def test_a_copy_takes_the_lines_along(self, engine: Roles) -> None:
        record = Record(full().job, log=lines("one", "two", attempt=3))
        assert (await engine.importer.fill([record])).stored == (record.job.id,)
        assert await engine.logs.lines(record.job.id) == record.log
        assert await engine.exporter.fetch([record.job.id]) == (record,)
        assert (await engine.exporter.dump(10)).records == (record,)
        assert await engine.importer.drop([record.job]) == (record.job.id,)
        assert await engine.logs.lines(record.job.id) == ()

    @requires(Capability.TRANSACTION)
    async def test_a_transaction_commits_the_lines(self, engine: Roles, ledger: Ledger) -> None:
        job_id = await add(engine)
        claim = logged(await one(engine), "paid")
        assert await commit(engine, ledger, claim, Succeeded())
        assert await engine.logs.lines(job_id) == lines("paid")

    @requires(Capability.TRANSACTION, Capability.FLEET, Capability.FENCED)
    async def test_a_transaction_of_a_stale_claim_stores_no_line(
        self, engine: Roles, ledger: Ledger
    ) -> None:
        job_id = await add(engine)
        stale = logged(claim := await one(engine), "stale")
        await rescue(engine, claim)
        assert not await commit(engine, ledger, stale, Succeeded())
        assert await engine.logs.lines(job_id) == ()
