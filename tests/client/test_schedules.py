"""Declaring schedules, and changing those of a store."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from dutiful import App, BadArguments, BadOption, Context, UsageError, unique
from dutiful.client.backfill import Backfill, fill_in
from dutiful.client.occurrence import ThisOccurrence
from dutiful.core.errors import BadSchedule, UnknownSchedule
from dutiful.core.event import OccurrenceMissed
from dutiful.core.instant import HOUR, MINUTE, SECOND, instant
from dutiful.core.rule import Cron, Dates, Interval
from dutiful.core.schedule import read, written
from dutiful.core.unique import Unique
from dutiful.testing import FakeClock
from dutiful.testing.harness import harness

MIDNIGHT = datetime(2026, 11, 1, 4, tzinfo=UTC)  # in New York


def test_a_decorator_declares_and_keeps_the_task() -> None:
    app = App("memory://")

    @app.cron("0 9 * * MON-FRI", tz="Europe/Berlin", misfire="skip", overlap="skip")
    @app.task(queue="mail", priority=3)
    def digest() -> None: ...

    assert app.tasks["digest"] is digest
    declared = app.schedules.declared["digest"]
    assert declared.rule == Cron("0 9 * * MON-FRI", "Europe/Berlin")
    assert (declared.queue, declared.priority, declared.misfire) == ("mail", 3, "skip")
    assert declared.app == app.name == "tests.client.test_schedules"


def test_one_task_has_several_schedules_with_arguments_of_their_own() -> None:
    app = App("memory://")

    @app.every("10m", name="report-eu", args=("eu",))
    @app.every("1h", name="report-us", args={"region": "us"}, queue="slow")
    @app.task
    def report(region: str) -> None: ...

    eu, us = app.schedules.declared["report-eu"], app.schedules.declared["report-us"]
    assert (eu.args, eu.rule) == ('{"region":"eu"}', Interval(10 * MINUTE))
    assert (us.args, us.queue) == ('{"region":"us"}', "slow")


def test_the_tasks_unique_rule_counts_for_its_schedules() -> None:
    app = App("memory://")

    @app.every("1s")
    @app.every("1s", name="two", args=(2,))
    @app.every("1s", name="free", unique=None)
    @app.every("1s", name="own", unique=unique("k", on_conflict="replace"))
    @app.task(unique=True)
    def poll(shard: int = 1) -> None: ...

    declared = app.schedules.declared
    assert declared["poll"].unique == poll.job().unique
    assert declared["two"].unique == poll.job(shard=2).unique
    assert declared["free"].unique is None
    assert declared["own"].unique == Unique(key="k", on_conflict="replace")
    assert read(written(declared["own"])) == declared["own"]
    with pytest.raises(BadOption, match="unique"):
        app.every("1s", name="bad", unique="")(poll)


def test_a_unique_task_has_one_job_of_its_schedule_at_a_time() -> None:
    app, clock = App("memory://"), FakeClock(MIDNIGHT)

    @app.task(unique=True)
    async def poll() -> None: ...

    with harness(app, clock=clock) as jobs:
        app.schedules.create(poll, Interval(SECOND))
        waiting = poll.using(delay="10s").enqueue()
        jobs.run_due(until="3s", schedules=True)
        assert [row.why for row in app.schedules.history("poll")] == [
            f"job {waiting.id} holds its unique key"
        ] * 3
        jobs.run_due(until="10s", schedules=True)
        assert waiting.status() == "succeeded"
        assert app.schedules.history("poll", limit=1)[0].kind == "enqueued"


def test_what_is_wrong_is_refused_where_it_is_written() -> None:
    app = App("memory://")

    @app.task
    def report(region: str) -> None: ...

    with pytest.raises(BadArguments, match="region") as refused:
        app.every("1m")(report)
    assert "args=" in refused.value.__notes__[0]
    with pytest.raises(BadSchedule, match="minute"):
        app.cron("61 * * * *")
    with pytest.raises(BadOption, match="misfire='twice'; choose one of skip, once, all"):
        app.every("1m", args=("eu",), misfire="twice")(report)  # type: ignore[arg-type]  # wrong
    with pytest.raises(BadOption, match="did you mean overlap"):
        app.every("1m", args=("eu",), overlaps="skip")(report)  # type: ignore[call-arg]  # wrong
    with pytest.raises(BadOption, match=r"above @app\.task"):
        app.every("1m")(lambda: None)  # type: ignore[type-var]  # wrong
    with pytest.raises(BadSchedule, match="before start"):
        app.every("1m", args=("eu",), start=MIDNIGHT, end=MIDNIGHT - timedelta(1))(report)


def test_what_is_of_the_wrong_kind_is_refused_with_the_right_one() -> None:
    typed = App("memory://")

    @typed.task
    def report(region: str) -> None: ...

    app: Any = typed
    with pytest.raises(BadSchedule, match=r'not text; write @app\.cron\("30 9'):
        app.cron(report)
    with pytest.raises(BadSchedule, match="give its name, such as 'Europe/Berlin'"):
        app.cron("0 9 * * *", tz=ZoneInfo("Europe/Berlin"))
    with pytest.raises(BadOption, match=r"is not a rule; give Cron\(\.\.\.\), Interval"):
        app.schedule("0 9 * * *")(report)
    with pytest.raises(BadOption, match=r"args='eu'; write a tuple, such as args=\('eu',\)"):
        app.every("1m", args="eu")(report)
    for start in ("2026-01-01", date(2026, 1, 1)):
        with pytest.raises(BadOption, match="is not a datetime; write datetime"):
            app.every("1m", args=("eu",), start=start)(report)
    with pytest.raises(BadOption, match="has no time zone; write datetime"):
        app.every("1m", args=("eu",), start=datetime(2026, 1, 1))(report)  # noqa: DTZ001 - naive
    with pytest.raises(BadSchedule, match="give microseconds since 1970"):
        Dates((MIDNIGHT,))  # type: ignore[arg-type]  # wrong
    with pytest.raises(BadSchedule, match=r'write Interval\.every\("10s"\)'):
        Interval("10s")  # type: ignore[arg-type]  # wrong


def test_two_of_one_name_are_refused_and_one_twice_is_not() -> None:
    app = App("memory://")

    @app.task
    def report() -> None: ...

    app.every("1m")(report)
    app.every("1m")(report)
    with pytest.raises(BadOption, match="give each a name"):
        app.every("2m")(report)


def test_the_job_sees_its_occurrence() -> None:
    app, seen = App("memory://"), list[ThisOccurrence | None]()

    @app.cron("30 1 * * *", tz="America/New_York")
    @app.task
    async def nightly(ctx: Context) -> None:
        seen.append(ctx.occurrence)

    with harness(app, clock=FakeClock(MIDNIGHT)) as jobs:
        jobs.run_due(until="2d", schedules=True)
        nightly.enqueue()
        jobs.run_due()
    first, second, other = seen
    assert first is not None
    assert second is not None
    assert other is None
    # The first pass of the night on which the clocks go back, and no second.
    assert first.planned.isoformat() == "2026-11-01T01:30:00-04:00"
    assert second.planned.isoformat() == "2026-11-02T01:30:00-05:00"
    assert second.previous == first.planned
    assert (first.schedule, first.backfilled, first.by_hand) == ("nightly", False, False)


def test_hooks_see_the_jobs_of_schedules() -> None:
    app = App("memory://")

    @app.every("1m")
    @app.task
    async def tick() -> None: ...

    @app.on_enqueue
    def mark(job):  # type: ignore[no-untyped-def]  # as a user writes it
        return replace(job, meta={**job.meta, "traced": "yes"})

    with harness(app) as jobs:
        jobs.run_due(until="1m", schedules=True)
        (job,) = jobs.jobs(tick)
    assert job.meta["traced"] == "yes"


async def test_a_schedule_is_created_looked_at_paused_and_deleted(app: App) -> None:
    @app.task
    async def report(region: str) -> None: ...

    made = await app.schedules.acreate(report, Interval(HOUR), name="europe", args=("europe",))
    definition = (await app.schedules.aget("europe")).definition
    assert definition is not None
    assert replace(definition, born=None) == made
    assert await app.schedules.apause("europe") == ("europe",)
    assert await app.schedules.apause("europe") == ()
    assert await app.schedules.aresume("europe") == ("europe",)
    assert [one.name for one in await app.schedules.alist()] == ["europe"]
    with pytest.raises(BadOption, match="there is a schedule 'europe'"):
        await app.schedules.acreate(report, Interval(MINUTE), name="europe", args=("europe",))
    await app.schedules.acreate(
        report, Interval(MINUTE), name="europe", args=("europe",), replace=True
    )
    with pytest.raises(UnknownSchedule, match="did you mean europe"):
        await app.schedules.apause("eurape")
    with pytest.raises(BadSchedule, match="never fire"):
        await app.schedules.acreate(report, Dates((1,)), name="past", args=("europe",))
    assert await app.schedules.adelete("europe") == ("europe",)
    with pytest.raises(UnknownSchedule):
        await app.schedules.aget("europe")


async def test_a_run_by_hand_leaves_the_course_alone(app: App) -> None:
    @app.task
    async def report() -> None: ...

    await app.schedules.acreate(report, Interval(HOUR))
    before = await app.schedules.aget("report")
    job_id = (await app.schedules.arun("report")).id
    after = await app.schedules.aget("report")
    assert (after.next, after.last, after.occurrence_count) == (before.next, before.last, 1)
    (row,) = await app.schedules.ahistory("report")
    assert row.job_id == job_id
    (job,) = await app.store.inspector.get([job_id])
    assert job.meta["by_hand"] == "yes"
    assert [one.why for one in await app.schedules.ahistory("report")] == ["by hand"]


async def test_a_backfill_adds_only_what_is_missing(app: App) -> None:
    @app.task
    async def report() -> None: ...

    await app.schedules.acreate(report, Interval(HOUR))
    start = instant(datetime(2026, 1, 1, tzinfo=UTC))
    stretch = Backfill(start=start, end=start + 9 * HOUR, per_second=2.0)
    told: list[tuple[int, int]] = []
    made = await app.schedules.abackfill(
        "report", stretch, lambda done, total: told.append((done, total))
    )
    assert (made.made, told) == (10, [(10, 10)])
    longer = Backfill(start=start, end=start + 11 * HOUR, per_second=None)
    assert (await app.schedules.abackfill("report", longer)).made == 2
    assert (await app.schedules.abackfill("report", longer)).made == 0
    rows = await app.schedules.ahistory("report", limit=20)
    assert [row.backfilled for row in rows] == [True] * 12
    jobs = await app.store.inspector.get([row.job_id or "" for row in reversed(rows[2:])])
    gaps = [late.run_at - early.run_at for early, late in itertools.pairwise(jobs)]
    assert all(abs(gap - SECOND // 2) < SECOND // 10 for gap in gaps)


async def test_a_backfill_of_the_future_is_refused(app: App) -> None:
    @app.task
    async def report() -> None: ...

    await app.schedules.acreate(report, Interval(HOUR))
    now = (await app.store.schedules.due(0)).now
    with pytest.raises(UsageError, match="ends in the future; end it before now"):
        await app.schedules.abackfill("report", Backfill(start=now, end=now + HOUR))


async def test_a_backfill_of_too_much_is_refused(app: App) -> None:
    @app.task
    async def report() -> None: ...

    await app.schedules.acreate(report, Interval(SECOND))
    with pytest.raises(UsageError, match="in parts"):
        await app.schedules.abackfill("report", Backfill(start=0, end=200_000 * SECOND))


def test_sync_code_has_the_same(sync_app: App) -> None:
    @sync_app.task
    def report() -> None: ...

    sync_app.portal.run(sync_app.open())
    sync_app.schedules.create(report, Interval(HOUR))
    assert sync_app.schedules.pause("report") == ("report",)
    assert sync_app.schedules.resume("report") == ("report",)
    assert sync_app.schedules.get("report").paused_at is None
    assert len(sync_app.schedules.list()) == 1
    assert sync_app.schedules.history("report") == ()
    assert sync_app.schedules.run("report").created
    assert sync_app.schedules.delete("report") == ("report",)


def test_what_a_deleted_schedule_leaves_undone_is_told() -> None:
    app, clock = App("memory://"), FakeClock(MIDNIGHT)
    told: list[Any] = []

    @app.task
    async def slow() -> None: ...

    with harness(app, clock=clock):
        app.bus.subscribe(told.append)
        app.schedules.create(slow, Interval(MINUTE), name="held", overlap="queue-one")
        clock.advance("3m")
        assert app.schedules.delete("held") == ("held",)
    (missed,) = [event for event in told if isinstance(event, OccurrenceMissed)]
    assert (missed.schedule, missed.count, missed.why) == ("held", 3, "its schedule was deleted")


async def test_a_backfill_does_not_go_on_in_another_schedule(app: App) -> None:
    @app.task
    async def report() -> None: ...

    await app.schedules.acreate(report, Interval(MINUTE), name="r")
    (old,) = await app.store.schedules.standings(["r"])
    await app.schedules.adelete("r")
    await app.schedules.acreate(report, Interval(HOUR), name="r")
    stretch = Backfill(start=old.created_at - 3 * MINUTE, end=old.created_at, per_second=None)
    with pytest.raises(UnknownSchedule):
        await fill_in(app.store, old, stretch)
    assert await app.schedules.ahistory("r") == ()
