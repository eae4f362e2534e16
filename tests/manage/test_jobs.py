"""``app.jobs`` on every engine: lists with filters and cursors, single jobs, changes of many."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, BadOption, JobNotFound
from dutiful.client.ids import new_id
from dutiful.contract.capability import Capability
from dutiful.core.job import NewJob
from dutiful.manage.records import JobRecord
from tests.manage.conftest import run_all

MANY = 2500


async def fill(app: App, count: int, **options: Any) -> list[str]:
    """Enqueue jobs and return their ids, the newest first."""
    mail = app.tasks["mail"].using(**options)
    jobs = [mail.job(f"{number}@example.org") for number in range(count)]
    await app.aenqueue_many(jobs)
    return [job.id for job in reversed(jobs)]


async def test_a_record_has_times_and_decoded_values(app: App) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    mail = app.tasks["mail"].using(
        priority=5, tags=["eu"], meta={"order": "7"}, unique="m:1", delay="1h", expires_in="1d"
    )
    handle = await mail.aenqueue("a@example.org")
    record = await app.jobs.aget(handle.id)
    assert (record.id, record.task, record.queue) == (handle.id, "mail", "mail")
    assert (record.state, record.final, record.priority) == ("scheduled", False, 5)
    assert record.args == {"to": "a@example.org"}
    assert (record.tags, record.meta, record.unique_key) == (("eu",), {"order": "7"}, "m:1")
    assert (record.attempt, record.max_attempts, record.result) == (0, 3, None)
    assert record.enqueued_at.tzinfo is UTC
    assert before < record.enqueued_at < datetime.now(UTC) + timedelta(minutes=1)
    assert record.run_at - record.enqueued_at == timedelta(hours=1)
    assert record.expires_at == record.run_at + timedelta(days=1)
    assert (record.started_at, record.finished_at, record.unreadable) == (None, None, None)
    with pytest.raises(AttributeError):
        record.queue = "other"  # type: ignore[misc]  # frozen, which is what is tested


async def test_a_job_that_ran_shows_its_result_its_errors_and_its_steps(app: App) -> None:
    good, bad = await app.tasks["mail"].aenqueue("a"), await app.tasks["charge"].aenqueue(3)
    await run_all(app)
    done = await app.jobs.aget(good.id)
    assert (done.state, done.final, done.result) == ("succeeded", True, {"a": 1})
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.started_at <= done.finished_at
    dead = await app.jobs.aget(bad.id)
    assert (dead.state, dead.reason, dead.step_count) == ("dead", "attempts-spent", 1)
    (error,) = await app.jobs.aerrors(bad.id)
    assert (error.type, error.message, error.attempt) == ("ValueError", "no card for order 3", 1)
    assert "Traceback" in error.traceback
    assert error.at.tzinfo is UTC
    assert await app.jobs.asteps(bad.id) == {"reserve": {"order": 3}}
    assert await app.jobs.aerrors(good.id) == ()


async def test_filters_narrow_a_list(app: App) -> None:
    ids = await fill(app, 3)
    tagged = (await app.tasks["mail"].using(tags=["eu"], queue="slow").aenqueue("x")).id
    later = (await app.tasks["later"].using(delay="1h").aenqueue()).id
    found: dict[str, list[str]] = {
        "task": [job.id for job in await app.jobs.alist(task="mail")],
        "queues": [job.id for job in await app.jobs.alist(queue=["slow", "default"])],
        "state": [job.id for job in await app.jobs.alist(state="scheduled")],
        "states": [job.id for job in await app.jobs.alist(state=("queued", "scheduled"))],
        "tag": [job.id for job in await app.jobs.alist(tag="eu")],
        "none": [job.id for job in await app.jobs.alist(tag="eu", task="later")],
        "nones": [job.id for job in await app.jobs.alist(tag=None, queue=None)],
    }
    assert found == {
        "task": [tagged, *ids],
        "queues": [later, tagged],
        "state": [later],
        "states": [later, tagged, *ids],
        "tag": [tagged],
        "none": [],
        "nones": [later, tagged, *ids],
    }
    now = datetime.now(UTC)
    hour = timedelta(hours=1)
    assert len(await app.jobs.alist(enqueued_after=now - hour, enqueued_before=now + hour)) == 5
    assert not await app.jobs.alist(enqueued_before=now - hour)
    await run_all(app)
    assert len(await app.jobs.alist(finished_after=now - hour)) == 4
    assert await app.jobs.acount(state="succeeded", queue="mail") == 3


async def test_latest_errors_are_filled_when_asked_for(app: App) -> None:
    for name, args in (("charge", (1,)), ("later", ()), ("mail", ("a",))):
        await app.tasks[name].aenqueue(*args)
    await run_all(app)
    plain = {job.task: job.latest_error for job in await app.jobs.alist()}
    assert plain == {"charge": None, "later": None, "mail": None}
    asked = {job.task: job.latest_error for job in await app.jobs.alist(with_errors=True)}
    types = {task: error and error.type for task, error in asked.items()}
    assert types == {"charge": "ValueError", "later": "TimeoutError", "mail": None}
    assert [job.task for job in await app.jobs.alist(error_type="TimeoutError")] == ["later"]


async def test_cursors_lead_through_thousands_of_jobs(app: App) -> None:
    ids = await fill(app, MANY)
    seen, after = list[str](), None
    while True:
        page = await app.jobs.alist(limit=700, after=after)
        seen += [job.id for job in page]
        after = page.next_cursor
        if after is None:
            break
        assert len(page) == 700
    assert seen == ids
    assert [job.id async for job in app.jobs.aiterate(queue="mail")] == ids
    assert await app.jobs.acount() == MANY


async def test_no_job_is_seen_twice_while_others_come_and_go(app: App) -> None:
    """Every job that is there from beginning to end is seen once."""
    ids = await fill(app, 400)
    seen = list[str]()
    async with asyncio.timeout(60):
        after = None
        for turn in range(40):
            page = await app.jobs.alist(limit=50, after=after)
            seen += [job.id for job in page]
            after = page.next_cursor
            if after is None:
                break
            await app.tasks["mail"].aenqueue(f"new {turn}")
            gone = [ids[turn], ids[-1 - turn]]  # one that was listed, and one that was not
            await app.jobs.acancel(gone)
            assert await app.store.controller(Capability.PURGE).purge(gone)
    assert len(seen) == len(set(seen))
    stayed = [job_id for job_id in ids if job_id in {job.id async for job in app.jobs.aiterate()}]
    assert [job_id for job_id in seen if job_id in stayed] == stayed


async def test_an_id_may_be_cut(app: App) -> None:
    first, second = new_id(), new_id()
    task = app.tasks["mail"].job("a")
    made = [NewJob(id=each, task=task.task, args=task.args) for each in (first, second)]
    await app.aenqueue_many(made)
    same = next(n for n in range(36, 7, -1) if first[:n] == second[:n])
    assert (await app.jobs.aget(first[: same + 1])).id == first
    with pytest.raises(JobNotFound, match="several jobs begin with") as caught:
        await app.jobs.aget(first[:same])
    assert set(caught.value.near) == {first, second}
    for missing in ("0" * 36, first[:7], "nobody", "x" * 5000):
        with pytest.raises(JobNotFound, match="no job"):
            await app.jobs.aget(missing)
    for call in (app.jobs.aerrors, app.jobs.asteps):
        with pytest.raises(JobNotFound):
            await call("nobody")


NAIVE = datetime.fromisoformat("2026-01-01")
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"limit": 0}, "limit=0; use 1 to 10,000"),
    ({"limit": 10_001}, "limit=10001"),
    ({"limit": True}, "limit=True"),
    ({"limit": "5"}, "limit='5'"),
    ({"after": "nobody's"}, "pass on the cursor of the page before"),
    ({"after": 5}, "pass on the cursor of the page before"),
    ({"after": "\0"}, "pass on the cursor of the page before"),
    ({"state": "quued"}, "state: state 'quued'; choose from scheduled, queued"),
    ({"state": 1}, "state: 1; give a text or a list of texts"),
    ({"state": []}, "state: .* names none; leave the filter out"),
    ({"queue": ()}, "queue: .* names none"),
    ({"queue": 5}, "queue: 5; give a text"),
    ({"task": [None]}, "task: name None must be text"),
    ({"task": "a\0"}, "task: .*NUL"),
    ({"tag": ["a"]}, "tag: the filter .* must be text"),
    ({"worker": "\ud800"}, "worker: .*half of a character"),
    ({"enqueued_after": "2h"}, "enqueued_after: '2h' is not a datetime"),
    ({"enqueued_before": NAIVE}, "enqueued_before: .* has no time zone"),
    ({"finished_after": datetime.max.replace(tzinfo=UTC)}, "finished_after: .* out of range"),
    ({"unreadable": "yes"}, "unreadable: 'yes'; give True"),
    ({"queues": "mail"}, "no option 'queues'; did you mean queue?"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
async def test_wrong_filters_are_refused_in_words(given: dict[str, Any], said: str) -> None:
    async with App("memory://") as app:
        with pytest.raises(BadOption, match=said):
            await app.jobs.alist(**given)


@pytest.mark.parametrize("place", ["memory://", "sqlite:///{}/jobs.db"])
@pytest.mark.parametrize("after", ["x", "9" * 40, "\u0663", ""])
async def test_cursors_of_nobody_are_refused(place: str, after: str, tmp_path: Path) -> None:
    """PostgreSQL's are ids, and any text may be one."""
    async with App(place.format(tmp_path)) as app:
        with pytest.raises(BadOption, match="pass on the cursor of the page before"):
            await app.jobs.alist(after=after)


def test_sync_calls_do_the_same(sync_app: App) -> None:
    app = sync_app
    handle = app.tasks["mail"].enqueue("a")
    app.enqueue_many(app.tasks["mail"].job(str(number)) for number in range(1200))
    assert app.jobs.get(handle.id).args == {"to": "a"}
    page = app.jobs.list(limit=2, queue="mail")
    assert len(page) == 2
    assert page.next_cursor
    listed: list[JobRecord] = list(app.jobs.iterate(task="mail"))
    assert len(listed) == len({job.id for job in listed}) == 1201
    assert listed[-1].id == handle.id
    assert [job.id for job in page] == [job.id for job in listed[:2]]
    assert app.jobs.count(state="queued") == 1201
    assert app.jobs.errors(handle.id) == ()
    assert app.jobs.steps(handle.id) == {}
    with pytest.raises(BadOption):
        app.jobs.iterate(state="nope")  # type: ignore[arg-type]  # what an untyped caller writes
