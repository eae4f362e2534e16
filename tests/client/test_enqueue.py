"""Enqueueing, from sync and async code, one job and very many."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dutiful import App, BadOption, DuplicateJob, PayloadTooLarge, UsageError, unique
from dutiful.core.job import NewJob
from dutiful.core.unique import Unique


def count(path: Path) -> int:
    with closing(sqlite3.connect(path / "jobs.db")) as connection:
        return int(connection.execute("select count(*) from dutiful_job").fetchone()[0])


async def test_options_reach_the_job(app: App) -> None:
    @app.task(queue="first", priority=1, tags=["a"], expires_in="1h", unique=True)
    def note(number: int) -> None: ...

    job = await (await note.aenqueue(1)).ajob()
    assert (job.queue, job.priority, job.tags, job.task) == ("first", 1, ("a",), "note")
    assert job.expires_at == job.run_at + 3600 * 1_000_000
    assert job.unique_key is not None
    other = note.using(
        queue="second", priority=-3, tags=["b", "c"], meta={"who": "me"}, expires_in=None,
        unique=None, max_attempts=2, delay="10m",
    )  # fmt: skip
    job = await (await other.aenqueue(1)).ajob()
    assert (job.queue, job.priority, job.tags) == ("second", -3, ("b", "c"))
    assert (job.meta, job.max_attempts, job.expires_at) == ({"who": "me"}, 2, None)
    assert (job.unique_key, job.state.word) == (None, "scheduled")
    assert note.queue == "first"


async def test_a_moment_needs_a_time_zone(app: App) -> None:
    @app.task
    def note() -> None: ...

    with pytest.raises(BadOption, match="no time zone"):
        note.using(run_at=datetime(2030, 1, 1))  # noqa: DTZ001 - under test
    berlin = datetime(2030, 1, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    job = await (await note.using(run_at=berlin).aenqueue()).ajob()
    assert job.run_at == int(datetime(2029, 12, 31, 23, tzinfo=UTC).timestamp() * 1_000_000)
    past = await (await note.using(run_at=berlin - timedelta(days=9999)).aenqueue()).ajob()
    assert past.state.word == "queued"


async def test_a_doubtful_moment_asks_which_side_is_meant(app: App) -> None:
    @app.task
    def note() -> None: ...

    twice = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    with pytest.raises(BadOption, match="comes twice in America/New_York"):
        note.using(run_at=twice)
    with pytest.raises(BadOption, match="never comes in America/New_York"):
        note.using(run_at=twice.replace(month=3, day=8, hour=2))
    second = note.using(run_at=twice.replace(fold=1)).job()
    assert second.run_at == int(datetime(2026, 11, 1, 6, 30, tzinfo=UTC).timestamp()) * 1_000_000


async def test_what_is_said_last_holds(app: App) -> None:
    @app.task
    def note() -> None: ...

    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert note.using(run_at=moment).using(delay="1m").job().run_at is None
    later = note.using(delay="1m").using(run_at=moment).job()
    assert (later.delay, later.run_at) == (0, int(moment.timestamp() * 1_000_000))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"delay": "10 parsecs"}, "not a length of time"),
        ({"delay": -1}, "negative"),
        ({"delay": "99999999w"}, "century"),
        ({"delay": None}, "delay: None is not a length of time"),
        ({"expires_in": "soon"}, "expires_in: .soon. is not a length of time"),
        ({"delay": 1, "run_at": datetime(2030, 1, 1, tzinfo=UTC)}, "not both"),
        ({"priority": 101}, "-100 to 100"),
        ({"priority": "high"}, "priority='high'"),
        ({"priority": 1.5}, "whole number"),
        ({"queue": "with space"}, "queue name"),
        ({"queue": 5}, "queue name 5"),
        ({"queue": "a\nb"}, "queue name"),
        ({"max_attempts": 0}, "at least one"),
        ({"tags": "one"}, r"\['one'\]"),
        ({"tags": [1]}, "tag 1 must be"),
        ({"meta": {"a": 1}}, "must be a string"),
        ({"meta": {1: "a"}}, "must be a string"),
        ({"meta": "text"}, "meta='text'"),
        ({"meta": {"a": "x\ud800"}}, r"meta\['a'\] 'x.ud800' holds half of a character"),
        ({"meta": {"\ud800": "a"}}, "half of a character"),
        ({"tags": ["a", "\udc00"]}, "tag '.udc00' holds half of a character"),
        ({"unique": "\ud800"}, "unique key '.ud800' holds half of a character"),
        ({"unique": ""}, "not empty"),
        ({"run_at": "tomorrow"}, "run_at: 'tomorrow' is not a datetime"),
        ({"run_at": datetime.max.replace(tzinfo=UTC)}, "run_at: .* years 1000 to 8999"),
        ({"run_at": 5}, "run_at: 5 is not a datetime"),
        ({"delay": timedelta.max}, "delay: .* longer than a century"),
        ({"delay": True}, "delay: True is not a length of time"),
        ({"expires_in": 1e300}, "expires_in: .* longer than a century"),
        ({"priority": True}, "priority=True; use a whole number"),
        ({"priority": None}, "priority=None; use a whole number"),
        ({"max_attempts": 2.5}, "max_attempts=2.5; use a whole number"),
        ({"max_attempts": True}, "max_attempts=True; use a whole number"),
        ({"max_attempts": "3"}, "max_attempts='3'; use a whole number"),
        ({"max_attempts": 2**40}, "use at most"),
        ({"tags": 5}, "tags=5; give a list"),
        ({"tags": None}, "tags=None; give a list"),
        ({"tags": ["a\x1b[2J"]}, "tag .* holds '.x1b'"),
        ({"tags": [""]}, "tag is empty"),
        ({"tags": ["a" * 201]}, "use at most 200"),
        ({"tags": ["a"] * 101}, "at most 100"),
        ({"meta": {"a": "b\0"}}, "holds a NUL, at 1"),
        ({"meta": [("a", "b")]}, "give a dict"),
        ({"meta": {"a": "b" * 70_000}}, "use at most 65,536"),
        ({"unique": 5}, "not 5"),
        ({"unique": "k" * 2001}, "takes 2,001 bytes"),
        ({"unique": "a\x1fb"}, "separates periods"),
        ({"unique": "a\0"}, "holds a NUL"),
        ({"unique": Unique("a", states=0)}, "every live state"),
        ({"unique": Unique("a", period=-1)}, "longer than zero"),
        ({"priorty": 1}, "did you mean priority"),
        ({"nonsense": 1}, "there are queue"),
    ],
)
def test_wrong_options_are_explained(options: dict[str, object], text: str) -> None:
    app = App("memory://")

    @app.task
    def note() -> None: ...

    with pytest.raises(BadOption, match=text):
        note.using(**options)  # type: ignore[arg-type]  # wrong on purpose


async def test_unique_jobs(app: App) -> None:
    @app.task(unique=True)
    def note(number: int) -> None: ...

    first, second = await note.aenqueue(1), await note.aenqueue(1)
    assert (first.created, second.created, first.id == second.id) == (True, False, True)
    assert (await note.aenqueue(2)).created
    keyed = note.using(unique="order:42")
    assert (await keyed.aenqueue(1)).created
    assert not (await keyed.aenqueue(2)).created
    strict = note.using(unique=unique("order:42", on_conflict="raise"))
    with pytest.raises(DuplicateJob, match="order:42"):
        await strict.aenqueue(3)
    replacing = note.using(unique=unique("order:42", on_conflict="replace"))
    handle = await replacing.aenqueue(7)
    assert (await handle.ajob()).args == b'{"number":7}'
    hourly = note.using(unique=unique("order:42", period="1h"))
    assert (await hourly.aenqueue(1)).created
    assert not (await hourly.aenqueue(1)).created


def test_sync_code_needs_no_loop(sync_app: App, tmp_path: Path) -> None:
    @sync_app.task
    def note(number: int) -> int:
        return number

    handle = note.enqueue(1)
    assert handle.status() == "queued"
    assert handle.job().args == b'{"number":1}'
    assert handle.cancel()
    assert handle.status() == "cancelled"
    assert sync_app.enqueue_many(note.job(number) for number in range(2500)) == 2500
    assert count(tmp_path) == 2501


async def test_streams_of_any_kind_are_enqueued(app: App) -> None:
    @app.task(unique=True)
    def note(number: int) -> None: ...

    async def stream() -> AsyncIterator[NewJob]:
        for number in range(10):
            await asyncio.sleep(0)
            yield note.job(number)

    assert await app.aenqueue_many(stream(), batch=3) == 10
    assert await app.aenqueue_many(stream(), batch=3) == 0
    assert await app.aenqueue_many([note.job(10), note.job(10)]) == 1
    assert await app.aenqueue_many([]) == 0


@pytest.mark.slow
def test_memory_stays_flat_over_a_hundred_thousand_jobs(sync_app: App, tmp_path: Path) -> None:
    @sync_app.task
    def note(number: int) -> None: ...

    note.enqueue(0)
    tracemalloc.start()
    try:
        stored = sync_app.enqueue_many(note.job(number) for number in range(100_000))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (stored, count(tmp_path)) == (100_000, 100_001)
    assert most < 8 * 2**20


def test_a_job_commits_or_not_with_the_callers_transaction(sync_app: App, tmp_path: Path) -> None:
    @sync_app.task
    def note(number: int) -> None: ...

    note.enqueue(0)
    with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
        note.using(connection=connection).enqueue(1)
        assert count(tmp_path) == 1
        connection.rollback()
        assert count(tmp_path) == 1
        note.using(connection=connection).enqueue(2)
        sync_app.enqueue_many((note.job(number) for number in range(5)), connection=connection)
        connection.commit()
    assert count(tmp_path) == 7


async def test_hooks_change_and_refuse(app: App) -> None:
    from msgspec.structs import replace

    @app.on_enqueue
    def stamp(job: NewJob) -> NewJob:
        return replace(job, meta={**job.meta, "seen": "1"})

    @app.on_enqueue
    def refuse(job: NewJob) -> NewJob:
        if job.queue == "closed":
            raise PermissionError("closed")
        return job

    @app.task
    def note() -> None: ...

    assert (await (await note.aenqueue()).ajob()).meta == {"seen": "1"}
    with pytest.raises(PermissionError):
        await app.aenqueue_many([note.job(), note.using(queue="closed").job()])
    assert sum((await app.store.inspector.queues())[0].counts.values()) == 1
    app.on_enqueue(lambda job: None)  # type: ignore[arg-type, return-value]  # forgot to return
    with pytest.raises(UsageError, match="return the job"):
        await note.aenqueue()


async def test_large_payloads_are_refused_before_any_io() -> None:
    app = App("sqlite:////nowhere/at/all/jobs.db", payload_bytes_max=100)

    @app.task
    def note(text: str) -> None: ...

    with pytest.raises(PayloadTooLarge, match="over the limit of 100"):
        note.job("x" * 100)


def test_many_threads_and_loops_share_an_app(sync_app: App, tmp_path: Path) -> None:
    @sync_app.task
    def note(number: int) -> None: ...

    async def some(start: int) -> None:
        await asyncio.gather(*(note.aenqueue(number) for number in range(start, start + 20)))

    def work(start: int) -> None:
        for number in range(20):
            note.enqueue(start + number)
        asyncio.run(some(start))
        assert note.enqueue(0).status() == "queued"

    threads = [threading.Thread(target=work, args=(n * 100,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(tmp_path) == 8 * 41


def test_a_forked_child_enqueues(sync_app: App, tmp_path: Path) -> None:
    @sync_app.task
    def note(number: int) -> None: ...

    assert note.enqueue(0).status() == "queued"
    pid = os.fork()
    if not pid:
        try:
            done = note.enqueue(1).status() == "queued"
            os._exit(0 if done else 1)
        except BaseException:  # noqa: BLE001 - a copy of the test run must not go on
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert note.enqueue(2).status() == "queued"
    assert count(tmp_path) == 3


def test_those_who_wait_are_told_when_the_portal_closes(sync_app: App) -> None:
    ended = threading.Event()

    @sync_app.task
    def never() -> None: ...

    handle = never.enqueue()

    def wait() -> None:
        try:
            handle.result()
        except UsageError:
            ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    handle.status()
    sync_app.portal.close()
    assert ended.wait(60)
    thread.join()


def test_a_call_from_the_portals_own_loop_is_refused(sync_app: App) -> None:
    @sync_app.task
    def note() -> None: ...

    async def wrong() -> None:
        note.handle("x").status()

    with pytest.raises(UsageError, match=r"await .*astatus"):
        sync_app.portal.run(wrong())


async def test_no_moment_leaves_a_delay_as_it_is(app: App) -> None:
    @app.task
    def note() -> None: ...

    moment = datetime(2030, 1, 1, tzinfo=UTC)
    job = note.using(run_at=moment).using(delay="5m", run_at=None).job()
    assert (job.delay, job.run_at) == (300 * 1_000_000, None)
    assert note.using(delay="5m").using(run_at=None).job().delay == 300 * 1_000_000


@pytest.mark.parametrize("wrong", [b"5", bytearray(b"5"), memoryview(b"5"), None, [5]])
async def test_bytes_are_no_length_of_time(app: App, wrong: Any) -> None:
    @app.task
    def note() -> None: ...

    with pytest.raises(BadOption, match="not a length of time"):
        note.using(delay=wrong)
    if wrong is not None:
        with pytest.raises(BadOption, match=r"timeout: .*not a length of time"):
            app.task(name="other", timeout=wrong)(note.fn)
        with pytest.raises(BadOption, match=r"timeout: .*not a length of time"):
            await note.handle("a").aresult(timeout=wrong)
