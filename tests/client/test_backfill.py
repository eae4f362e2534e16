"""Occurrences asked for by hand: hooks see their jobs, and none is made twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from dutiful import App, DuplicateJob, UsageError, unique
from dutiful.client.backfill import Backfill, BackfillResult, fill_in
from dutiful.contract.capability import Capability
from dutiful.contract.roles.schedule_store import KEPT_MAX
from dutiful.core.instant import HOUR, MINUTE, instant
from dutiful.core.job import NewJob
from dutiful.core.rule import Interval

START = instant(datetime(2026, 1, 1, tzinfo=UTC))
TEN = Backfill(start=START, end=START + 9 * HOUR, per_second=None)


async def hourly(app: App, **given: Any) -> None:
    @app.task
    async def report() -> None: ...

    await app.schedules.acreate(report, Interval(HOUR), **given)


async def jobs_of(app: App) -> list[Any]:
    ids = [row.job_id for row in await app.schedules.ahistory("report", 100) if row.job_id]
    return list(await app.store.inspector.get(ids))


def planned(job: NewJob) -> int:
    return (int(job.meta["planned"]) - START) // HOUR


async def test_hooks_see_what_is_asked_for(app: App) -> None:
    await hourly(app)

    @app.on_enqueue
    def tenant(job: NewJob) -> NewJob:
        return replace(job, meta={**job.meta, "tenant": "acme"})

    @app.on_enqueue
    async def region(job: NewJob) -> NewJob:
        return replace(job, meta={**job.meta, "region": "eu"})

    await app.schedules.arun("report")
    assert (await app.schedules.abackfill("report", TEN)).made == 10
    found = [(job.meta["tenant"], job.meta["region"]) for job in await jobs_of(app)]
    assert found == [("acme", "eu")] * 11


def test_hooks_see_what_sync_code_asks_for(sync_app: App) -> None:
    @sync_app.task
    def report() -> None: ...

    seen = list[str]()

    @sync_app.on_enqueue
    def note(job: NewJob) -> NewJob:
        seen.append(job.meta.get("backfilled", "no"))
        return job

    sync_app.portal.run(sync_app.open())
    sync_app.schedules.create(report, Interval(HOUR))
    sync_app.schedules.run("report")
    sync_app.schedules.backfill("report", TEN)
    assert seen == ["no", *["yes"] * 10]


async def test_what_has_a_record_passes_no_hook_again(app: App) -> None:
    await hourly(app)
    seen = list[int]()

    @app.on_enqueue
    def note(job: NewJob) -> NewJob:
        seen.append(planned(job))
        return job

    await app.schedules.abackfill("report", TEN)
    longer = Backfill(start=START, end=START + 11 * HOUR)
    assert (await app.schedules.abackfill("report", longer)).made == 2
    assert seen == list(range(12))


async def test_what_a_hook_refuses_is_told_and_costs_no_other_instant(app: App) -> None:
    await hourly(app)
    closed = {3, 7}

    @app.on_enqueue
    def shop_hours(job: NewJob) -> NewJob:
        if planned(job) in closed:
            raise LookupError("the shop was closed")
        return job

    told = r"2 of 10 instants of report were refused.*2026-01-01T03.*LookupError: the shop was clo"
    with pytest.raises(UsageError, match=told) as refused:
        await app.schedules.abackfill("report", TEN)
    assert "8 jobs were enqueued" in str(refused.value)
    assert len(await jobs_of(app)) == 8
    closed.clear()
    assert (await app.schedules.abackfill("report", TEN)).made == 2
    assert len(await jobs_of(app)) == 10


async def test_hooks_that_refuse_all_end_a_backfill(app: App) -> None:
    await hourly(app)
    asked = 0

    @app.on_enqueue
    async def none(job: NewJob) -> NewJob:
        nonlocal asked
        asked += 1
        raise PermissionError("not today")

    with pytest.raises(UsageError, match="PermissionError: not today"):
        await app.schedules.abackfill("report", replace(TEN, end=START + 1_999 * HOUR))
    assert asked < 600
    with pytest.raises(UsageError, match="hook refused the job of schedule report: PermissionErr"):
        await app.schedules.arun("report")
    assert await app.schedules.ahistory("report") == ()


async def test_a_run_gives_way_as_any_enqueue(app: App) -> None:
    @app.task
    async def report() -> None: ...

    holder = await report.using(unique="k").aenqueue()
    await app.schedules.acreate(report, Interval(HOUR), name="kind", unique="k")
    strict = unique("k", on_conflict="raise")
    await app.schedules.acreate(report, Interval(HOUR), name="strict", unique=strict)
    assert (await app.schedules.arun("kind")).id == holder.id
    (row,) = await app.schedules.ahistory("kind")
    assert (row.kind, row.why) == ("skipped", f"job {holder.id} holds its unique key")
    with pytest.raises(DuplicateJob):
        await app.schedules.arun("strict")
    assert await app.schedules.ahistory("strict") == ()


async def test_a_unique_rule_loses_no_instant_of_a_backfill(app: App) -> None:
    await hourly(app, unique="k")
    with pytest.raises(UsageError, match="10 instants would have one job; say unique=None"):
        await app.schedules.abackfill("report", TEN)
    assert await app.schedules.ahistory("report") == ()
    assert (await app.schedules.abackfill("report", replace(TEN, end=START))).made == 1


async def test_a_hooks_unique_rule_is_told_in_a_backfill(app: App) -> None:
    await hourly(app)
    rule = unique("k")

    @app.on_enqueue
    def keyed(job: NewJob) -> NewJob:
        return replace(job, unique=rule)

    (standing,) = await app.store.schedules.standings(["report"])
    filled = await fill_in(app.store, standing, TEN, prepare=app.hooks.abefore)
    assert (filled.planned, filled.made, filled.gave_way) == (10, 1, 9)
    rule = unique("k", on_conflict="raise")
    later = Backfill(start=START + 10 * HOUR, end=START + 12 * HOUR)
    with pytest.raises(UsageError, match=r"3 of 3 instants .*its unique rule: DuplicateJob"):
        await app.schedules.abackfill("report", later)
    assert len(await app.schedules.ahistory("report")) == 10


async def over(app: App) -> None:
    """Let all jobs end and be purged, as retention does, and the store forget their records."""
    rows = await app.schedules.ahistory("report", 10_000)
    ids = [row.job_id for row in rows if row.job_id]
    await app.store.controller(Capability.CANCEL).cancel(ids)
    while (await app.schedules.ahistory("report", 1))[0].finished_at is None:
        await app.store.schedules.review(1000)
    for _ in range(5):
        await app.store.schedules.review(1000)
    await app.store.controller(Capability.PURGE).purge(ids)
    await app.schedules.arun("report")


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_what_has_run_is_not_backfilled_again(kind: str, url: str) -> None:
    many = KEPT_MAX + 500
    async with App("memory://" if kind == "memory" else url) as app:

        @app.task
        async def report() -> None: ...

        await app.schedules.acreate(report, Interval(MINUTE))
        stretch = Backfill(start=START, end=START + (many - 1) * MINUTE, per_second=None)
        backfill: Callable[..., Awaitable[BackfillResult]] = app.schedules.abackfill
        assert (await backfill("report", stretch)).made == many
        assert (await backfill("report", stretch)).made == 0
        await over(app)
        assert len(await app.schedules.ahistory("report", 10_000)) < many
        with pytest.raises(UsageError, match=r"no record, but may have run.*forgotten=True") as no:
            await backfill("report", stretch)
        assert f"the newest {KEPT_MAX:,}" in str(no.value)
        rows = await app.schedules.ahistory("report", 10_000)
        known = {instant(row.planned) for row in rows}
        first = min(known)
        assert (await backfill("report", replace(stretch, start=first))).made == 0
        assert (await backfill("report", replace(stretch, forgotten=True))).made == (
            many - len(known) + 1
        )


async def test_what_was_never_forgotten_is_backfilled(app: App) -> None:
    await hourly(app)
    stretch = Backfill(start=START, end=START + (KEPT_MAX + 500) * HOUR, per_second=None)
    made = await app.schedules.abackfill("report", stretch)
    assert made.made == KEPT_MAX + 501
    # More than a store keeps, but the jobs of all of them still live.
    earlier = Backfill(start=START - 3 * HOUR, end=START, per_second=None)
    assert (await app.schedules.abackfill("report", earlier)).made == 3
