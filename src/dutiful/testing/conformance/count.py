"""Counting jobs and grouping dead letters."""

from __future__ import annotations

from typing import Any

from dutiful.contract.capability import Capability
from dutiful.core.instant import HOUR, SECOND
from dutiful.core.outcome import Discarded, Failed, Snoozed
from dutiful.testing.conformance.inspect import one_of_each
from dutiful.testing.conformance.moves import FAILED, add, end, kill, new, one, take
from dutiful.testing.conformance.requires import needs_advance, needs_step, requires
from dutiful.testing.conformance.roles import Roles
from dutiful.testing.conformance.setting import Contract
from dutiful.testing.conformance.suite_clock import SuiteClock


@requires(Capability.INSPECT)
class CountContract(Contract):
    """Holds `Inspector.queues`, ``dead_groups`` and ``tally``."""

    async def test_queues_are_counted_by_state(self, engine: Roles) -> None:
        await one_of_each(engine)
        rows = {row.queue: _counted(row.counts) for row in await engine.inspector.queues()}
        assert rows == {
            "default": {"queued": 1, "running": 1, "waiting": 1, "succeeded": 1, "dead": 1},
            "mail": {"queued": 1},
        }

    @needs_step
    async def test_a_queue_shows_since_when_its_oldest_job_waits(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        since = clock.now()
        await add(engine)
        clock.advance("1m")
        await add(engine)
        (row,) = await engine.inspector.queues()
        assert row.oldest_queued_at == since

    @requires(Capability.DELAY)
    async def test_jobs_due_later_do_not_count_as_waiting_long(self, engine: Roles) -> None:
        await add(engine, delay=HOUR)
        (row,) = await engine.inspector.queues()
        assert (row.oldest_queued_at, row.due) == (None, 0)
        assert _counted(row.counts) == {"scheduled": 1}

    @requires(Capability.DELAY)
    @needs_step
    async def test_what_has_become_due_counts_before_a_worker_looks(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        """Delayed, tried again or snoozed: no worker of the queue may come for days."""
        for outcome in (Failed("E", "m"), Snoozed(SECOND)):
            await add(engine)
            await end(engine, await one(engine), outcome)
        since = clock.now()
        await add(engine, delay=SECOND)
        await add(engine, delay=HOUR)
        await add(engine, queue="mail", delay=SECOND)
        assert {row.queue: row.due for row in await engine.inspector.queues()} == {
            "default": 0,
            "mail": 0,
        }
        clock.advance("1m")
        default, mail = await engine.inspector.queues()
        assert _counted(default.counts) == {"scheduled": 3, "waiting": 1}
        assert (default.due, default.ready, mail.due) == (3, 3, 1)
        assert default.oldest_queued_at is not None
        assert since <= default.oldest_queued_at <= since + SECOND
        assert mail.oldest_queued_at == since + SECOND
        assert await take(engine)
        default, _ = await engine.inspector.queues()
        assert (default.due, default.ready) == (0, 2)
        assert _counted(default.counts) == {"scheduled": 1, "queued": 2, "running": 1}

    @needs_step
    async def test_dead_letters_are_grouped_largest_first(
        self, engine: Roles, clock: SuiteClock
    ) -> None:
        for task in ("a", "b", "b"):
            await kill(engine, task=task)
            clock.advance("1s")
        first, second = await engine.inspector.dead_groups()
        assert (first.task, first.count, first.reason) == ("b", 2, "discarded")
        assert (first.error_type, first.latest_at) == ("Discard", clock.now() - SECOND)
        assert (second.task, second.count) == ("a", 1)

    @needs_advance("1s")
    async def test_a_group_shows_its_latest_message(self, engine: Roles, clock: SuiteClock) -> None:
        for text in ("zebra", "ape"):
            await add(engine)
            await end(engine, await one(engine), Discarded(text))
            clock.advance("1s")
        (group,) = await engine.inspector.dead_groups()
        assert group.message == "ape"

    async def test_only_dead_letters_are_grouped(self, engine: Roles) -> None:
        await add(engine)
        await end(engine, await one(engine), FAILED)
        assert await engine.inspector.dead_groups() == ()

    async def test_the_tally_starts_at_zero(self, engine: Roles) -> None:
        assert await engine.inspector.tally() == {"enqueued": 0, "pruned": 0, "purged": 0}

    @requires(Capability.IDEMPOTENT_ENQUEUE)
    async def test_the_tally_counts_jobs_not_receipts(self, engine: Roles) -> None:
        job = new()
        await engine.producer.enqueue([job])
        await engine.producer.enqueue([job, new()])
        assert (await engine.inspector.tally())["enqueued"] == 2


def _counted(counts: dict[Any, int]) -> dict[str, int]:
    return {state.word: count for state, count in counts.items() if count}
