"""Functions that are told how far a call has come: where they run, and which are refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from dutiful import App, Backfill, BadOption, Cron, UsageError
from dutiful.manage.bulk import BulkResult
from tests.manage.test_changes import CALLS, states
from tests.manage.test_jobs import fill

START = datetime(2020, 1, 1, tzinfo=UTC)
DAYS = Backfill.between(START, START + timedelta(days=800))


class Told:
    """A function of any arguments that is async, though it does not look so."""

    async def __call__(self, *_: object) -> None: ...


async def told(*_: object) -> None: ...


ASYNC: list[Callable[..., Any]] = [told, partial(told), Told()]


def enqueue(app: App, many: int) -> None:
    app.enqueue_many(app.tasks["mail"].job(str(each)) for each in range(many))


def schedule(app: App) -> None:
    app.portal.run(app.open())
    app.schedules.create(app.tasks["mail"], Cron("0 9 * * *"), name="daily", args=("you",))


def test_progress_of_a_sync_call_may_use_the_app(sync_app: App) -> None:
    app, seen = sync_app, list[tuple[int, int, threading.Thread]]()
    enqueue(app, 450)

    def progress(result: BulkResult) -> None:
        seen.append((result.changed, app.jobs.count(state="queued"), threading.current_thread()))

    assert app.jobs.cancel(all=True, progress=progress).changed == 450
    here = threading.current_thread()
    assert seen == [(200, 250, here), (400, 50, here), (450, 0, here)]


def test_progress_of_a_sync_backfill_may_use_the_app(sync_app: App) -> None:
    app, seen = sync_app, list[tuple[int, int, int]]()
    schedule(app)
    app.schedules.backfill(
        "daily", DAYS, lambda done, every: seen.append((done, every, app.jobs.count()))
    )
    assert seen == [(500, 800, 500), (800, 800, 800)]


def test_progress_of_a_sync_call_holds_up_no_other_thread(sync_app: App) -> None:
    app, counted = sync_app, list[int]()
    enqueue(app, 3)

    def progress(_: BulkResult) -> None:
        other = threading.Thread(target=lambda: counted.append(app.jobs.count()), daemon=True)
        other.start()
        other.join(30)

    app.jobs.cancel(all=True, progress=progress)
    assert counted == [3]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_what_progress_raises_ends_a_sync_call(sync_app: App, error: type[BaseException]) -> None:
    app, calls = sync_app, list[int]()
    enqueue(app, 450)

    def progress(result: BulkResult) -> None:
        calls.append(result.matched)
        raise error("enough")

    with pytest.raises(error, match="enough"):
        app.jobs.cancel(all=True, progress=progress)
    assert (calls, app.jobs.count(state="queued")) == ([200], 250)


def test_progress_that_closes_the_app_ends_the_call(sync_app: App) -> None:
    app = sync_app
    if app.store.engine.name == "memory":
        return  # which forgets its jobs
    enqueue(app, 450)
    with pytest.raises(UsageError, match=r"the app was closed before cancel\(\) was done"):
        app.jobs.cancel(all=True, progress=lambda _: asyncio.run(app.close()))
    assert app.jobs.count(state="queued") == 250


@pytest.mark.parametrize("progress", ASYNC)
@pytest.mark.parametrize("name", CALLS)
async def test_async_progress_is_refused(name: str, progress: Callable[..., Any]) -> None:
    async with App("memory://") as app:
        with pytest.raises(BadOption, match="is async, and would not be awaited; give a plain"):
            await CALLS[name](app)(all=True, progress=progress)


@pytest.mark.parametrize("progress", [*ASYNC, "bar"])
def test_a_backfill_refuses_wrong_progress_before_it_enqueues(sync_app: App, progress: Any) -> None:
    schedule(sync_app)
    with pytest.raises(BadOption, match=r"give a (plain )?function of two numbers"):
        sync_app.schedules.backfill("daily", DAYS, progress)
    assert sync_app.jobs.count() == 0


async def test_progress_of_an_async_call_runs_on_the_loop(app: App) -> None:
    await fill(app, 3)
    loops: list[asyncio.AbstractEventLoop] = []
    await app.jobs.acancel(all=True, progress=lambda _: loops.append(asyncio.get_running_loop()))
    assert loops == [asyncio.get_running_loop()]


@pytest.fixture
def other_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_stop_of_another_loop_is_refused_first(
    app: App, other_loop: asyncio.AbstractEventLoop, dry_run: bool
) -> None:
    await fill(app, 3)
    stop = asyncio.Event()

    async def bind() -> None:
        try:
            async with asyncio.timeout(0):
                await stop.wait()
        except TimeoutError:
            pass

    thread = threading.Thread(target=lambda: other_loop.run_until_complete(bind()))
    thread.start()
    thread.join()
    for call in CALLS.values():
        with pytest.raises(BadOption, match=r"belongs to another event loop; make it on the loop"):
            await call(app)(all=True, rate=1, stop=stop, dry_run=dry_run)
    assert await states(app) == {"queued": 3}


@pytest.mark.parametrize("name", CALLS)
async def test_a_dry_run_stops_too(name: str) -> None:
    async with App("memory://") as app:

        @app.task(queue="mail")
        def mail(to: str) -> None: ...

        await fill(app, 3)
        stop = asyncio.Event()
        stop.set()
        result = await CALLS[name](app)(
            [job.id for job in await app.jobs.alist()], dry_run=True, stop=stop
        )
        assert result == BulkResult(stopped=True)
        stop.clear()
        counted = await app.jobs.acancel(
            all=True, dry_run=True, stop=stop, progress=lambda _: stop.set()
        )
        assert counted == BulkResult(matched=3)


@pytest.mark.parametrize("name", CALLS)
def test_a_sync_call_takes_no_stop(name: str) -> None:
    app = App("memory://")
    part = app.dead if hasattr(app.dead, name) else app.jobs
    with pytest.raises(BadOption, match=rf"{name}\(\) takes no stop; write `await \.\.\.a{name}\("):
        getattr(part, name)(all=True, stop=asyncio.Event())
    assert not app.opened


async def test_a_limit_takes_the_first_of_the_ids_given(app: App) -> None:
    ids = list(reversed(await fill(app, 3)))  # the oldest first
    assert (await app.jobs.acancel(ids, limit=2)).changed == 2
    assert [job.id for job in await app.jobs.alist(state="queued")] == ids[2:]
