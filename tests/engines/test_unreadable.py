"""A row that another program wrote costs itself alone, on every engine that others can write to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from dutiful import App
from dutiful.contract.capability import Capability
from dutiful.core.event import ScheduleBroken, ServiceFailed
from dutiful.core.job import Job
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.core.state import State
from tests.fuzz.store_tables import PostgresTables, SqliteTables, Tables
from tests.worker.support import Events, burst, ended, serving

BAD = {
    "a number in meta": ("meta", '{"order": 42}'),
    "an array for meta": ("meta", "[1]"),
    "null for meta": ("meta", "null"),
    "null among tags": ("tags", '[null, "a"]'),
    "no JSON": ("tags", "{"),
}


def make(url: str) -> App:
    app = App(url)

    @app.task
    async def good(number: int) -> int:
        return number

    return app


Place = tuple[App, Tables]


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    url = f"sqlite:///{tmp_path}/jobs.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    app = make(url)
    await app.open()
    tables = PostgresTables(url) if request.param == "postgres" else SqliteTables(url[10:])
    yield app, tables
    tables.close()
    await app.close()


async def spoilt(app: App, tables: Tables, column: str, value: Any, where: str = "") -> str:
    """Enqueue a job and write one of its columns."""
    job_id = (await app.tasks["good"].aenqueue(1)).id
    sign, param = tables.holder(value)
    tables.change(tables.name("job"), f"{column} = {sign}{where}", f"id = '{job_id}'", param)
    return job_id


@pytest.mark.parametrize("name", BAD)
async def test_it_dies_and_the_others_succeed(place: Place, name: str) -> None:
    app, tables = place
    job_id = await spoilt(app, tables, *BAD[name])
    good = [await app.tasks["good"].aenqueue(number) for number in range(5)]
    shown = (await app.store.inspector.get([job_id]))[0]
    assert (shown.unreadable, shown.task) == (BAD[name][0], "good")
    await burst(app)
    dead = (await app.store.inspector.get([job_id]))[0]
    assert (dead.state, dead.reason) == (State.DEAD, "bad-payload")
    assert BAD[name][0] in (await app.store.inspector.errors(job_id))[0].message
    for handle in good:
        job = (await app.store.inspector.get([handle.id]))[0]
        assert (job.state, job.attempt) == (State.SUCCEEDED, 1)
    assert await app.store.controller(Capability.PURGE).purge([job_id]) == (job_id,)


async def test_the_rescuer_takes_it_back_once(place: Place) -> None:
    app, tables = place
    events = Events(app)
    orphan = ", state = 2, worker = NULL, started_at = 1"  # nobody's name is in the way, either
    lost = await spoilt(app, tables, "meta", "[1]", orphan)
    async with serving(app):
        assert (await ended(app, lost)).reason == "bad-payload"
    assert not events.of(ServiceFailed)


async def test_a_worker_without_a_name_stops_no_rescue(tmp_path: Path) -> None:
    app = make(f"sqlite:///{tmp_path}/jobs.db")
    async with app:
        tables = SqliteTables(f"{tmp_path}/jobs.db")
        lost = await spoilt(app, tables, "worker", "gone", ", state = 2, started_at = 1")
        tables.run(
            "INSERT INTO dutiful_worker VALUES (NULL, 'x', 'a', 'b', 'c', 'd', 'e', 'f', 'g', "
            "'h', 'i', 'j', 0, 0, 'k', 'l')"
        )
        tables.close()
        async with serving(app):
            assert (await ended(app, lost)).state is State.SUCCEEDED


async def test_no_number_may_stop_a_claim(place: Place) -> None:
    app, tables = place
    most = await spoilt(app, tables, "attempt", 2**31 - 1)
    fenced = await spoilt(app, tables, "fence", 2**31 - 1)
    await burst(app)
    for job in await app.store.inspector.get([most, fenced]):
        assert job.state is State.SUCCEEDED


async def test_a_step_that_is_no_json_ends_its_job(place: Place) -> None:
    app, tables = place
    job_id = await spoilt(app, tables, "priority", 1)
    claim = (await _claims(app))[0]
    assert await app.store.consumer.record_step(claim, "one", b"{")
    tables.change(tables.name("job"), "worker = 'gone', attempt = 0", f"id = '{job_id}'")
    async with serving(app):
        assert (await ended(app, job_id)).reason == "bad-payload"


async def _claims(app: App) -> Any:
    from dutiful.contract.roles.consumer import Wanted
    from dutiful.contract.roles.fleet import WorkerInfo

    await app.store.fleet.join(WorkerInfo(id="w", queues=("default",), concurrency=1, lease=10**9))
    return (await app.store.exchange("w", [], Wanted(("default",), 1))).claims


@pytest.mark.parametrize("far", [2**63 - 1, -(2**63), 568_971_820_800_000_000])
async def test_times_beyond_the_calendar_are_read(place: Place, far: int) -> None:
    app, tables = place
    job_id = await spoilt(app, tables, "run_at", far, ", state = 0")
    assert (await app.store.inspector.get([job_id]))[0].run_at == far


async def test_a_redrive_counts_from_one_when_the_count_is_none(place: Place) -> None:
    from dutiful.contract.roles.controller import Redrive

    app, tables = place
    dead = ", state = 5, finished_at = 1"
    named = await spoilt(app, tables, "meta", '{"redriven": "by Bob"}', dead)
    odd = await spoilt(app, tables, "meta", "[1]", dead)
    redriven = await app.store.controller(Capability.REDRIVE).redrive(
        [Redrive(named), Redrive(odd)]
    )
    assert redriven == (named, odd)
    jobs = await app.store.inspector.get([named, odd])
    assert jobs[0].meta["redriven"] == "1"
    assert jobs[1].unreadable == "meta"


async def test_a_check_and_a_list_name_it(place: Place) -> None:
    from dutiful.contract.page import Filter

    app, tables = place
    await app.tasks["good"].aenqueue(1)
    job_id = await spoilt(app, tables, "state", 77)
    page = await app.store.inspector.find(Filter(unreadable=True), 10)
    assert [job.id for job in page.jobs] == [job_id]
    finding = {one.name: one for one in await app.store.engine.check()}["readable"]
    assert (finding.ok, "1 job" in finding.text) == (False, True)
    assert await app.store.controller(Capability.PURGE).purge([job_id]) == (job_id,)
    assert {one.name: one for one in await app.store.engine.check()}["readable"].ok


async def test_a_copy_tells_of_it_and_goes_on(place: Place, tmp_path: Path) -> None:
    from dutiful.services.copy_store import StoreCopy

    app, tables = place
    job_id = await spoilt(app, tables, "tags", "[1]")
    handle = await app.tasks["good"].aenqueue(1)
    async with make(f"sqlite:///{tmp_path}/copy.db") as target:
        poured = await StoreCopy(app.store, target.store).pour()
        assert [refusal.id for refusal in poured.refused] == [job_id]
        assert (await target.store.inspector.get([handle.id, job_id]))[0].id == handle.id


async def test_a_schedule_is_set_aside_alone(place: Place) -> None:
    app, tables = place
    events = Events(app)
    for name in ("sound", "spoilt"):
        rule = Interval.every("1h")
        one = Schedule(name=name, task="good", rule=rule, args='{"number":1}')
        assert await app.store.schedules.put_schedule(one, replace=False)
    table = tables.name("schedule")
    tables.change(table, "next_at = 1", "name = 'sound'")
    tables.change(table, f"next_at = 1, since = {2**62}", "name = 'spoilt'")
    async with serving(app):
        await _standing(app, "sound", lambda one: one.last is not None)
        await _standing(app, "spoilt", lambda one: one.broken is not None)
    assert len(events.of(ScheduleBroken)) == 1
    assert not events.of(ServiceFailed)


async def _standing(app: App, name: str, ready: Callable[[Any], bool]) -> None:
    import asyncio

    async with asyncio.timeout(60):
        while True:
            found = await app.store.schedules.standings([name])
            if found and ready(found[0]):
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("column", ["id", "task", "reason", "unique_key", "tags", "meta"])
async def test_text_that_is_no_utf8_is_shown(tmp_path: Path, column: str) -> None:
    app = make(f"sqlite:///{tmp_path}/jobs.db")
    async with app:
        good = await app.tasks["good"].aenqueue(1)
        await app.tasks["good"].aenqueue(2)
        tables = SqliteTables(f"{tmp_path}/jobs.db")
        tables.change("dutiful_job", f"{column} = CAST(x'ff41' AS TEXT)", "seq = 2")
        tables.close()
        await burst(app)
        from dutiful.contract.page import Filter

        jobs: tuple[Job, ...] = (await app.store.inspector.find(Filter(), 10)).jobs
        assert {job.state for job in jobs} == {State.SUCCEEDED, State.DEAD}
        bad = next(job for job in jobs if job.state is State.DEAD)
        assert bad.reason == "bad-payload"
        assert bad.id == "row:2" or column != "id"
        assert await app.store.controller(Capability.PURGE).purge([bad.id]) == (bad.id,)
        assert (await app.store.inspector.get([good.id]))[0].state is State.SUCCEEDED


async def test_the_view_shows_every_row(postgres_url: str) -> None:
    app = make(postgres_url)
    async with app:
        tables = PostgresTables(postgres_url)
        await spoilt(app, tables, "meta", "{")
        await spoilt(app, tables, "args", b'{"a":"\\u0000"}')
        await spoilt(app, tables, "args", b"\xff\x00")
        await spoilt(app, tables, "run_at", -(2**63))
        await spoilt(app, tables, "state", 9)
        jobs = tables.name("jobs")
        rows = tables.select(jobs, "state, args, meta, run_at::text")
        assert len(rows) == 5
        assert {row[0] for row in rows} == {"queued", "unreadable"}
        explained = tables.select(jobs, "id", "state = 'queued'", explain=True)
        plan = " ".join(row[0] for row in explained)
        tables.close()
        assert "Append" not in plan


async def test_a_tag_with_a_nul_hides_no_other(postgres_url: str) -> None:
    from dutiful.contract.page import Filter

    app = make(postgres_url)
    async with app:
        tables = PostgresTables(postgres_url)
        await spoilt(app, tables, "tags", '["a\\u0000b","x"]')
        await spoilt(app, tables, "tags", "{")
        found = await app.store.inspector.find(Filter(tag="x"), 10)
        assert [job.tags for job in found.jobs] == [("a\x00b", "x")]
        assert not (await app.store.inspector.find(Filter(tag=","), 10)).jobs
        tables.close()


async def test_a_fence_that_is_no_whole_number_is_settled_all_the_same(tmp_path: Path) -> None:
    app = make(f"sqlite:///{tmp_path}/jobs.db")
    async with app:
        tables = SqliteTables(f"{tmp_path}/jobs.db")
        lost = await spoilt(app, tables, "fence", 0.005, ", state = 2, worker = 'gone'")
        tables.close()
        async with serving(app):
            assert (await ended(app, lost)).reason == "bad-payload"
