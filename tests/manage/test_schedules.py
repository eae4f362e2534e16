"""``app.schedules`` on every engine: records, filters, cursors, history, checks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dutiful import App, Backfill, BadOption, Cron, UnknownSchedule, UsageError
from dutiful.core.instant import HOUR, MINUTE
from dutiful.core.rule import Interval
from tests.manage.conftest import run_all, shop


async def create(app: App, *names: str, **given: Any) -> None:
    for name in names:
        await app.schedules.acreate(
            app.tasks["mail"], Interval(HOUR), name=name, args=(name,), **given
        )


async def test_a_record_has_times_and_what_was_declared(app: App) -> None:
    await app.schedules.acreate(
        app.tasks["mail"],
        Cron("0 9 * * *", "Europe/Berlin"),
        name="daily",
        args=("a",),
        misfire="all",
        overlap="skip",
        jitter="5m",
    )
    record = await app.schedules.aget("daily")
    assert (record.status, record.app, record.task, record.queue) == (
        "active",
        None,
        "mail",
        "mail",
    )
    assert (record.args, record.zone) == ({"to": "a"}, "Europe/Berlin")
    assert record.rule == Cron("0 9 * * *", "Europe/Berlin")
    assert (record.misfire, record.overlap) == ("all", "skip")
    assert record.jitter == timedelta(minutes=5)
    assert record.next is not None
    assert record.next.tzinfo is UTC
    assert (record.next.hour in (7, 8), record.next.minute) == (True, 0)
    assert (record.last, record.held, record.occurrence_count) == (None, None, 0)
    assert abs(record.created_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert record.definition is not None
    assert record.definition.jitter == 5 * MINUTE
    with pytest.raises(UnknownSchedule, match="did you mean daily"):
        await app.schedules.aget("dayly")


async def test_schedules_are_listed_with_filters_and_cursors(app: App) -> None:
    names = [f"s{number:03}" for number in range(30)]
    await create(app, *names)
    await create(app, "paused", queue="slow")
    await app.schedules.apause("paused")
    page = await app.schedules.alist(limit=12, task="mail")
    assert [one.name for one in page] == ["paused", *names[:11]]
    assert page.next_cursor == names[10]
    rest = await app.schedules.alist(after=page.next_cursor)
    assert [one.name for one in rest] == names[11:]
    assert rest.next_cursor is None
    assert [one.name for one in await app.schedules.alist(status="paused")] == ["paused"]
    assert [one.name for one in await app.schedules.alist(queue=["slow", "x"])] == ["paused"]
    assert len([one async for one in app.schedules.aiterate(status=["active", "paused"])]) == 31
    assert not await app.schedules.alist(app="nobody")
    exact = await app.schedules.alist(limit=31)
    assert (len(exact), exact.next_cursor) == (31, None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"limit": 0}, "limit=0"),
        ({"after": 5}, "cursor 5"),
        ({"status": "stopped"}, "status: 'stopped'; choose from active, paused"),
        ({"task": []}, "task: .* names none"),
        ({"queues": "x"}, "no option 'queues'; did you mean queue"),
    ],
)
async def test_wrong_filters_are_refused(given: dict[str, Any], said: str) -> None:
    async with App("memory://") as app:
        with pytest.raises(BadOption, match=said):
            await app.schedules.alist(**given)


async def test_history_tells_what_became_of_each_occurrence(app: App) -> None:
    await create(app, "hourly")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    stretch = Backfill.between(start, start + timedelta(hours=9), per_second=None)
    counted = await app.schedules.abackfill("hourly", stretch, dry_run=True)
    assert (counted.planned, counted.made) == (10, 0)
    assert await app.schedules.ahistory("hourly") == ()
    assert (await app.schedules.abackfill("hourly", stretch)).made == 10
    rows = await app.schedules.ahistory("hourly", limit=4)
    assert [row.planned for row in rows] == [start + timedelta(hours=9 - n) for n in range(4)]
    assert rows[0].previous == start + timedelta(hours=8)
    assert (rows[0].kind, rows[0].backfilled, rows[0].state) == ("enqueued", True, "queued")
    assert rows[0].recorded_at.tzinfo is UTC
    more = await app.schedules.ahistory("hourly", before=rows[-1].planned)
    assert [row.planned for row in more] == [start + timedelta(hours=5 - n) for n in range(6)]
    await run_all(app)
    await app.store.schedules.review(1000)
    (row,) = await app.schedules.ahistory("hourly", 1)
    assert row.state == "succeeded"
    assert row.finished_at is not None
    naive = datetime.fromisoformat("2026-01-01")
    with pytest.raises(BadOption, match="has no time zone"):
        await app.schedules.ahistory("hourly", before=naive)
    with pytest.raises(BadOption, match="has no time zone"):
        Backfill.between(naive, start)


async def test_what_comes_next_is_told(app: App) -> None:
    await app.schedules.acreate(
        app.tasks["mail"], Cron("30 1 * * *", "Europe/Berlin"), name="night", args=("a",)
    )
    begin = datetime(2026, 3, 27, tzinfo=UTC)  # the clocks go forward on the 29th
    found = await app.schedules.aupcoming("night", 3, begin)
    assert found == tuple(
        datetime(2026, 3, day, hour, 30, tzinfo=UTC) for day, hour in ((27, 0), (28, 0), (29, 0))
    )
    record = await app.schedules.aget("night")
    assert (await app.schedules.aupcoming("night"))[0] == record.next
    assert len(await app.schedules.aupcoming("night")) == 10
    with pytest.raises(BadOption, match="count=0; use 1 to 10,000"):
        await app.schedules.aupcoming("night", 0)


async def test_a_run_returns_the_handle_of_its_job(app: App) -> None:
    await create(app, "hourly")
    handle = await app.schedules.arun("hourly")
    assert handle.created
    await run_all(app)
    assert await handle.aresult(timeout=30) == {"hourly": 1}


async def test_an_app_that_lacks_the_task_runs_it_all_the_same(url: str) -> None:
    if url == "memory://":
        return  # which no second app can reach
    async with shop(url) as app, App(url) as bare:
        await create(app, "hourly")
        handle = await bare.schedules.arun("hourly")
        await run_all(app)
        assert await handle.aresult(timeout=30) == {"hourly": 1}


def declaring(url: str, **given: Any) -> App:
    app = App(url, name="shop", **given)

    @app.cron("0 9 * * *", tz="Europe/Berlin")
    @app.task
    def digest() -> None: ...

    @app.cron("30 2 * * *", tz="Europe/Berlin", name="night")
    @app.task
    def report() -> None: ...

    return app


async def test_code_is_declared_and_checked(url: str) -> None:
    async with declaring(url) as app:
        before = {one.name: one for one in await app.schedules.acheck()}
        assert list(before) == ["clock", "digest", "night"]
        assert before["clock"].ok
        assert "not in the store yet; a worker that starts adds it" in before["digest"].text
        assert [one.name for one in await app.schedules.acheck(code=False)] == ["clock"]
        said = await app.schedules.adeclare()
        assert (said.app, said.added, said.changed) == ("shop", ("digest", "night"), ())
        again = await app.schedules.adeclare()
        assert (again.added, again.changed, again.retired) == ((), (), ())
        assert [one.name for one in await app.schedules.alist(app="shop")] == ["digest", "night"]
        await app.schedules.apause("digest")
        after = {one.name: one for one in await app.schedules.acheck()}
        assert (after["digest"].ok, after["digest"].paused) == (True, True)
        assert after["digest"].text == "paused: it does not fire until it is resumed"
        assert "its time is missing in the night to" in after["night"].text


async def test_a_check_knows_the_tasks(app: App) -> None:
    await create(app, "good")
    other = app.task(name="other")(lambda: None)
    await app.schedules.acreate(other, Interval(HOUR), name="bad")
    del app.tasks["other"]
    findings = {one.name: one for one in await app.schedules.acheck()}
    assert (findings["good"].ok, findings["good"].text) == (True, "fine")
    assert "the app has no task 'other'" in findings["bad"].text
    assert all(one.ok for one in await app.schedules.acheck(code=False))


def test_sync_calls_do_the_same(sync_app: App) -> None:
    app = sync_app
    app.portal.run(app.open())
    app.schedules.create(app.tasks["mail"], Interval(HOUR), name="hourly", args=("a",))
    assert [one.name for one in app.schedules.iterate(task="mail")] == ["hourly"]
    assert len(app.schedules.upcoming("hourly", 3)) == 3
    assert [one.name for one in app.schedules.check()] == ["clock", "hourly"]
    assert app.schedules.declare().added == ()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    stretch = Backfill.between(start, start + timedelta(hours=2))
    assert app.schedules.backfill("hourly", stretch, dry_run=True).planned == 3
    assert app.schedules.backfill("hourly", stretch).made == 3
    assert app.schedules.run("hourly").created
    with pytest.raises(BadOption, match="status"):
        app.schedules.iterate(status="nope")  # type: ignore[arg-type]  # untyped callers may


async def test_sync_iteration_is_refused_on_a_loop(app: App) -> None:
    with pytest.raises(UsageError, match=r"iterate\(\) would block .*async for .*aiterate\("):
        app.schedules.iterate()
