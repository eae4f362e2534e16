"""Read by type checkers, never run: what ``@app.task`` makes of each form of a function."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, assert_type

from dutiful import (
    App,
    BulkResult,
    Context,
    ErrorRecord,
    Handle,
    JobRecord,
    OccurrenceRecord,
    Page,
    QueueRecord,
    Retried,
    ScheduleRecord,
    Snooze,
    WorkerRecord,
)
from dutiful.core.job import NewJob

app = App()


@app.task
async def alone() -> int:
    return 1


@app.task
def first(ctx: Context, a: int, *, b: str = "") -> str:
    return b


@app.task
async def last(a: int, ctx: Context) -> str:
    return str(a)


@app.task(queue="other", timeout="3s")
async def third(a: int, b: str, ctx: Context) -> bytes:
    return b""


@app.task()
def fifth(a: int, b: str, c: float, d: bool, ctx: Context) -> None: ...


@app.task(cpu=True)
def plain(a: int, b: str = "") -> list[int]:
    return [a]


@app.task
def spread(*numbers: int, **named: str) -> None: ...


@app.task
def anything(a: Any, b: object) -> None: ...


@app.task
def objects(a: object, b: object) -> None: ...


@app.task
async def may_snooze(a: int) -> int | Snooze:
    return a


assert_type(alone.enqueue(), Handle[int])
assert_type(first.enqueue(1, b="x"), Handle[str])
assert_type(last.enqueue(1), Handle[str])
assert_type(third.using(delay="3s").enqueue(1, "b"), Handle[bytes])
assert_type(fifth.enqueue(1, "b", 1.0, True), Handle[None])
assert_type(plain.enqueue(1), Handle[list[int]])
assert_type(plain.enqueue(1).result(), list[int])
assert_type(plain(1), list[int])
assert_type(spread.job(1, 2, c="x"), NewJob)
# What takes Any fits every form, so checkers agree on the call and not on the result.
anything.enqueue("a", None)
assert_type(objects.enqueue("a", None), Handle[None])
assert_type(may_snooze.enqueue(1), Handle[int | Snooze])


async def awaits(ctx: Context) -> None:
    async def work(number: int) -> str:
        return str(number)

    assert_type(await last(1), str)
    assert_type(await alone.aenqueue(), Handle[int])
    assert_type(await (await alone.aenqueue()).aresult(), int)
    assert_type(await ctx.step("a", work, 1), str)
    assert_type(await app.aenqueue_many([alone.job()]), int)


async def manages() -> None:
    since = datetime.now(UTC)
    assert_type(await app.jobs.alist(queue="a", state=["dead", "queued"]), Page[JobRecord])
    assert_type((await app.jobs.alist(after=None)).next_cursor, str | None)
    assert_type([job async for job in app.jobs.aiterate(enqueued_after=since)], list[JobRecord])
    assert_type(await app.jobs.aget("x"), JobRecord)
    assert_type(await app.jobs.acancel(["x"], limit=5), BulkResult)
    assert_type(await app.dead.aredrive(task="a", changes={"b": 1}, rate=5.5), BulkResult)
    assert_type(await app.queues.alist(), tuple[QueueRecord, ...])
    assert_type(await app.workers.alist(), tuple[WorkerRecord, ...])
    assert_type(await app.schedules.alist(status="paused"), Page[ScheduleRecord])
    assert_type(await app.schedules.arun("x"), Handle[Any])


def manages_from_sync_code() -> None:
    for job in app.jobs.list(tag="a", with_errors=True):
        assert_type(job, JobRecord)
        assert_type(job.finished_at, datetime | None)
        assert_type(job.latest_error, ErrorRecord | None)
    assert_type(app.jobs.list().items, tuple[JobRecord, ...])
    assert_type([job.id for job in app.dead.iterate(reason="discarded")], list[str])
    assert_type(app.jobs.cancel(all=True, progress=print), BulkResult)
    assert_type(app.jobs.retry("x"), tuple[Retried, ...])
    assert_type(app.queues.list()[0].counts["dead"], int)
    assert_type(app.workers.list()[0].silent_for, timedelta)
    assert_type(app.schedules.history("x"), tuple[OccurrenceRecord, ...])
    assert_type(app.schedules.upcoming("x", 3), tuple[datetime, ...])


def sync(ctx: Context) -> None:
    assert_type(ctx.step("a", len, "abc"), int)
    assert_type(app.enqueue_many(plain.job(n) for n in range(3)), int)
