"""The next batch is built while one is stored; what an error leaves behind is as documented."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from dutiful import App, BadOption
from dutiful.client.batches import aoverlapped, overlapped
from dutiful.contract.page import Filter
from dutiful.core.errors import EngineUnavailable, StoreUnusable
from dutiful.core.event import Enqueued
from dutiful.core.job import NewJob
from dutiful.core.payload import plain

PATIENCE = 5.0


async def stored(app: App) -> list[int]:
    """The numbers of the stored jobs, in their order."""
    page = await app.store.inspector.find(Filter(), 100)
    return [plain(job.args)["number"] for job in reversed(page.jobs)]


def test_the_next_part_is_built_while_one_is_stored_and_in_order() -> None:
    built = [threading.Event() for _ in range(4)]
    begun, under_way = list[str](), 0

    def parts() -> Iterator[str]:
        for number, part in enumerate(("ab", "cd", "ef", "g")):
            built[number].set()
            yield part

    def store(part: Sequence[str]) -> int:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        begun.append(str(part))
        if len(begun) < len(built):
            assert built[len(begun)].wait(PATIENCE)
        under_way -= 1
        return len(part)

    assert overlapped(parts(), 2, store) == 7
    assert begun == ["ab", "cd", "ef", "g"]


def test_after_a_part_that_fails_none_is_begun() -> None:
    asked = threading.Event()
    begun = list[str]()

    def parts() -> Iterator[str]:
        yield from ("ab", "cd")
        asked.set()
        yield from ("ef", "gh")

    def store(part: Sequence[str]) -> int:
        begun.append(str(part))
        if part == "cd":
            assert asked.wait(PATIENCE)  # the next one is built by now
            raise EngineUnavailable("gone")
        return len(part)

    with pytest.raises(EngineUnavailable):
        overlapped(parts(), 2, store)
    assert begun == ["ab", "cd"]


def test_a_source_that_raises_leaves_what_was_under_way_stored() -> None:
    raised = threading.Event()
    done = list[str]()

    def parts() -> Iterator[str]:
        yield "ab"
        yield "cd"
        raised.set()
        raise LookupError("no more")

    def store(part: Sequence[str]) -> int:
        if part == "cd":
            assert raised.wait(PATIENCE)
        done.append(str(part))
        return len(part)

    with pytest.raises(LookupError):
        overlapped(parts(), 2, store)
    assert done == ["ab", "cd"]


async def test_in_async_code_the_next_part_is_built_meanwhile_and_the_order_kept() -> None:
    built = [asyncio.Event() for _ in range(3)]
    begun, under_way = list[str](), 0

    async def parts() -> AsyncIterator[str]:
        for number, part in enumerate(("ab", "cd", "e")):
            built[number].set()
            yield part
            await asyncio.sleep(0)

    async def store(part: str) -> int:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        begun.append(part)
        if len(begun) < len(built):
            async with asyncio.timeout(PATIENCE):
                await built[len(begun)].wait()
        under_way -= 1
        return len(part)

    assert await aoverlapped(parts(), store) == 5
    assert begun == ["ab", "cd", "e"]


async def test_cancelled_while_a_part_is_built_it_waits_for_the_one_that_is_stored() -> None:
    building, release = asyncio.Event(), asyncio.Event()
    done = list[str]()

    async def parts() -> AsyncIterator[str]:
        yield "ab"
        building.set()
        await asyncio.Event().wait()

    async def store(part: str) -> int:
        await release.wait()
        done.append(part)
        return len(part)

    whole = asyncio.create_task(aoverlapped(parts(), store))
    await building.wait()
    whole.cancel()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert done == ["ab"]


async def test_cancelled_while_it_waits_for_a_part_it_begins_no_other() -> None:
    entered = asyncio.Event()
    begun = list[str]()

    async def parts() -> AsyncIterator[str]:
        for part in ("ab", "cd", "ef"):
            yield part

    async def store(part: str) -> int:
        begun.append(part)
        entered.set()
        await asyncio.Event().wait()
        return len(part)

    whole = asyncio.create_task(aoverlapped(parts(), store))
    await entered.wait()
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert begun == ["ab"]


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_store_that_fails_leaves_the_batches_before(
    app: App, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    failing = _nth(app, monkeypatch, 3)
    with pytest.raises(StoreUnusable):
        await _enqueue(app, way, _jobs(app, 10))
    assert failing == [2, 2, 2]
    assert await stored(app) == [0, 1, 2, 3]


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_source_that_raises_leaves_the_batches_before(app: App, way: str) -> None:
    def jobs() -> Iterator[NewJob]:
        yield from _jobs(app, 5)
        raise LookupError("no more")

    with pytest.raises(LookupError):
        await _enqueue(app, way, jobs())
    assert await stored(app) == [0, 1, 2, 3]


def _jobs(app: App, count: int) -> Iterator[NewJob]:
    for number in range(count):
        yield NewJob(id=f"job-{number:04}", task="note", args=b'{"number":%d}' % number)


async def _enqueue(app: App, way: str, jobs: Iterator[NewJob]) -> None:
    if way == "async":
        await app.aenqueue_many(jobs, batch=2)
    else:
        await asyncio.to_thread(app.enqueue_many, jobs, batch=2)


def _nth(app: App, monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Make the store fail at its nth batch; returns the sizes of those it was given."""
    sizes = list[int]()
    sync, awaited = app.store.enqueue_sync, app.store.enqueue

    def given(jobs: Sequence[NewJob]) -> None:
        sizes.append(len(jobs))
        if len(sizes) == number:
            raise StoreUnusable("gone")

    def enqueue_sync(jobs: Sequence[NewJob]) -> object:
        given(jobs)
        return sync(jobs)

    async def enqueue(jobs: Sequence[NewJob]) -> object:
        given(jobs)
        return await awaited(jobs)

    monkeypatch.setattr(app.store, "enqueue_sync", enqueue_sync)
    monkeypatch.setattr(app.store, "enqueue", enqueue)
    return sizes


@pytest.mark.parametrize("batch", [0, -1, 2.5, None, True, "10", 10**30])
async def test_a_batch_has_a_size(app: App, batch: Any) -> None:
    with pytest.raises(BadOption, match=r"batch=.*; use a whole number from 1 to 1,000,000"):
        await asyncio.to_thread(app.enqueue_many, _jobs(app, 1), batch=batch)
    with pytest.raises(BadOption, match=r"batch=.*; use a whole number from 1 to 1,000,000"):
        await app.aenqueue_many(_jobs(app, 1), batch=batch)


@pytest.mark.parametrize("jobs", [None, 5, "jobs", {"a": 1}, [5], [None], ["job"]])
async def test_what_is_no_series_of_jobs_is_refused(app: App, jobs: Any) -> None:
    with pytest.raises(BadOption, match=r"not a job|not jobs|cannot be iterated"):
        await asyncio.to_thread(app.enqueue_many, jobs)
    with pytest.raises(BadOption, match=r"not a job|not jobs|cannot be iterated"):
        await app.aenqueue_many(jobs)


async def test_a_job_changed_by_hand_is_held_to_the_bounds(app: App) -> None:
    job = next(iter(_jobs(app, 1)))
    wrong: Any = {"order": 42}
    with pytest.raises(BadOption, match=r"meta\['order'\] must be a string"):
        await app.aenqueue_many([job, replace(job, id="other", meta=wrong)])


def test_a_job_twice_in_a_batch_counts_once(sync_app: App) -> None:
    seen: list[Enqueued] = []
    sync_app.bus.subscribe(lambda event: seen.append(event) if type(event) is Enqueued else None)

    @sync_app.task
    def note(number: int) -> None: ...

    one, other = note.job(1), note.using(unique="key").job(2)
    assert sync_app.enqueue_many([one, one, other, other]) == 2
    assert [(event.created, event.existing) for event in seen] == [(2, 0)]


async def test_a_job_twice_in_a_batch_counts_once_on_a_loop(app: App) -> None:
    @app.task
    def note(number: int) -> None: ...

    one = note.job(1)
    assert await app.aenqueue_many([one, one, note.job(2)]) == 2
