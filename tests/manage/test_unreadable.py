"""Rows that another program wrote are records, and stop no call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dutiful import App
from dutiful.core.rule import Interval
from dutiful.engines.postgres import unreadable as in_postgres
from dutiful.engines.sqlite import unreadable as in_sqlite
from dutiful.manage.records import JobRecord
from tests.fuzz.store_tables import PostgresTables, SqliteTables, Tables
from tests.manage.conftest import run_all, shop
from tests.manage.test_jobs import fill

Place = tuple[App, Tables]

DEEP = "[" * 990 + "]" * 990
LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
FIRST = datetime(1, 1, 1, tzinfo=UTC)
SPOILT: dict[str, tuple[str, Any, str | None, str, Any]] = {
    "meta that is none": ("meta", "[1]", "meta", "meta", {}),
    "tags that are none": ("tags", "{", "tags", "tags", ()),
    "a far time": ("run_at", 2**63 - 1, None, "run_at", LAST),
    "a time before all": ("enqueued_at", -(2**63), None, "enqueued_at", FIRST),
    "no JSON": ("args", b"{", None, "args", "{"),
    "no number": ("args", b'{"a":NaN}', None, "args", '{"a":NaN}'),
    "not UTF-8": ("args", b"\xff", None, "args", "\\xff"),
    "too deep": ("args", DEEP.encode(), None, "args", DEEP),
    "a result that is none": ("result", b"nope", None, "result", "nope"),
}


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    url = f"sqlite:///{tmp_path}/jobs.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    async with shop(url) as app:
        tables: Tables
        tables = PostgresTables(url) if request.param == "postgres" else SqliteTables(url[10:])
        yield app, tables
        tables.close()


def spoil(tables: Tables, table: str, column: str, value: Any, where: str) -> None:
    sign, param = tables.holder(value)
    tables.change(tables.name(table), f"{column} = {sign}", where, param)


@pytest.mark.parametrize("name", SPOILT)
async def test_a_row_that_another_program_wrote_is_a_record(place: Place, name: str) -> None:
    app, tables = place
    column, value, unreadable, field, instead = SPOILT[name]
    ids = await fill(app, 3)
    spoil(tables, "job", column, value, f"id = '{ids[1]}'")
    listed = await app.jobs.alist(with_errors=True)
    assert [job.id for job in listed] == ids
    for record in (listed.items[1], await app.jobs.aget(ids[1])):
        assert record.unreadable == unreadable
        assert getattr(record, field) == instead
    found: list[JobRecord] = [job async for job in app.jobs.aiterate(unreadable=True)]
    assert [job.id for job in found] == ([ids[1]] if unreadable else [])
    assert await app.jobs.aerrors(ids[1]) == ()
    assert await app.jobs.asteps(ids[1]) == {}
    assert len(await app.queues.alist()) == 1


async def test_such_a_job_is_cancelled_retried_and_purged(place: Place) -> None:
    app, tables = place
    ids = await fill(app, 3)
    spoil(tables, "job", "meta", "[1]", f"id = '{ids[0]}'")
    assert (await app.jobs.aretry(ids[0]))[0].why == "ready"
    assert (await app.jobs.acancel(ids[0])).matched == 1
    await run_all(app)
    (record,) = await app.jobs.alist(unreadable=True)
    assert record.purgeable
    assert (await app.dead.apurge(record.id)).changed == 1
    assert {job.id for job in await app.jobs.alist()} == set(ids[1:])


async def test_an_error_and_a_step_that_cannot_be_read(place: Place) -> None:
    app, tables = place
    handle = await app.tasks["charge"].aenqueue(1)
    await run_all(app)
    spoil(tables, "failure", "at", 2**63 - 1, "seq = seq")
    spoil(tables, "step", "result", b"{", "seq = seq")
    (error,) = await app.jobs.aerrors(handle.id)
    assert (error.at, error.type) == (LAST, "ValueError")
    assert await app.jobs.asteps(handle.id) == {"reserve": "{"}


async def test_a_schedule_that_cannot_be_read_is_broken(place: Place) -> None:
    app, tables = place
    mail = app.tasks["mail"]
    for name in ("a", "b", "c"):
        await app.schedules.acreate(mail, Interval(3600_000_000), name=name, args=("x",))
    spoil(tables, "schedule", "spec", b"{", "name = 'b'")
    spoil(tables, "schedule", "version", -5, "name = 'c'")
    good, unknown, bad = await app.schedules.alist()
    assert (good.status, good.definition is None) == ("active", False)
    assert (unknown.name, unknown.rule, unknown.task) == ("b", None, None)
    assert unknown.definition is None
    assert (bad.name, bad.status, bad.unreadable) == ("c", "broken", "version")
    assert [one.name for one in await app.schedules.alist(task="mail")] == ["a", "c"]
    findings = {one.name: one for one in await app.schedules.acheck()}
    assert findings["a"].ok
    assert "this version of Dutiful cannot read it" in findings["b"].text
    assert "its row cannot be read, in version" in findings["c"].text


async def test_a_worker_that_cannot_be_read_is_shown(tmp_path: Path) -> None:
    async with shop(f"sqlite:///{tmp_path}/jobs.db") as app:
        tables = SqliteTables(f"{tmp_path}/jobs.db")
        tables.run(
            "INSERT INTO dutiful_worker VALUES ('w', 'x', 'a', 'b', 'c', 'd', 'e', 'f', 'g', "
            "'h', 'i', 'j', 0, 0, 'k', 'l')"
        )
        tables.close()
        (worker,) = await app.workers.alist()
        assert (worker.id, worker.slots) == ("w", 0)
        assert worker.unreadable is not None
        assert "queues" in worker.unreadable
        assert worker.unreadable.endswith("report, ordered")
        assert (worker.report, worker.ordered) == (None, None)


async def test_the_filter_reaches_all_that_cannot_be_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also beyond the thousand at which `check` stops counting, newest first."""
    for module in (in_sqlite, in_postgres):
        monkeypatch.setattr(module, "_PAGE", 90)
    app, tables = place
    first = await fill(app, 500, queue="first")
    await fill(app, 250, queue="good")
    last = await fill(app, 510, queue="last")
    spoil(tables, "job", "meta", "[1]", "queue <> 'good'")
    assert await app.jobs.acount(unreadable=True) == 1010
    found = [job.id async for job in app.jobs.aiterate(unreadable=True)]
    assert found == last + first
    page = await app.jobs.alist(unreadable=True, limit=7)
    assert [job.id for job in page] == last[:7]
    page = await app.jobs.alist(unreadable=True, limit=7, after=page.next_cursor)
    assert [job.id for job in page] == last[7:14]
    assert await app.jobs.acount(unreadable=True, state="queued", queue="first") == 500
    assert await app.jobs.acount(unreadable=True, state=["dead", "cancelled"]) == 0
    assert "1,000 or more jobs" in str(await app.store.check())
    tables.change(tables.name("job"), "state = 5, finished_at = 1", "queue <> 'good'")
    assert (await app.dead.apurge(unreadable=True)).changed == 1010
    assert await app.jobs.acount() == 250
