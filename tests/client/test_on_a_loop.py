"""Sync calls are refused where an event loop runs, and a wait in a slot is told."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Cron, Handle, JobFailed, Retry, UsageError
from dutiful.core.event import SlotWaiting
from dutiful.manage.schedules import Schedules
from tests.until import until
from tests.worker.support import Events, serving, stored


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(f"sqlite:///{tmp_path}/jobs.db")


CALLS: dict[str, Callable[[App, Any], Any]] = {
    "enqueue": lambda app, task: task.enqueue(),
    "enqueue_many": lambda app, task: app.enqueue_many([task.job()]),
    "job": lambda app, task: task.handle("x").job(),
    "status": lambda app, task: task.handle("x").status(),
    "result": lambda app, task: task.handle("x").result(timeout=1),
    "cancel": lambda app, task: task.handle("x").cancel(),
    "list": lambda app, task: app.schedules.list(),
    "get": lambda app, task: app.schedules.get("x"),
    "pause": lambda app, task: app.schedules.pause("x"),
    "resume": lambda app, task: app.schedules.resume("x"),
    "delete": lambda app, task: app.schedules.delete("x"),
    "run": lambda app, task: app.schedules.run("x"),
    "adopt": lambda app, task: app.schedules.adopt("x"),
    "history": lambda app, task: app.schedules.history("x"),
    "upcoming": lambda app, task: app.schedules.upcoming("x"),
    "check": lambda app, task: app.schedules.check(),
    "declare": lambda app, task: app.schedules.declare(),
    "create": lambda app, task: app.schedules.create(task, Cron("0 9 * * *"), name="x"),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_sync_call_names_its_twin_and_does_nothing(app: App, name: str) -> None:
    @app.task
    def note() -> None: ...

    async with app:
        with pytest.raises(UsageError, match=rf"{name}\(\).*await .*a{name}\("):
            CALLS[name](app, note)
        assert await app.store.inspector.queues() == ()


def test_every_sync_twin_is_tried_here() -> None:
    twins = {
        name
        for kind in (App, Handle, Schedules)
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if hasattr(kind, f"a{name}") and not name.startswith("_")
    }
    # Of `iterate`, tests/manage has the test: its twin is not awaited.
    assert twins - {"enqueue_jobs", "backfill", "iterate"} <= set(CALLS)


async def test_a_thread_beside_the_loop_may_call(app: App) -> None:
    @app.task
    def note() -> None: ...

    handle = await asyncio.to_thread(note.enqueue)
    assert await asyncio.to_thread(handle.status) == "queued"
    await app.close()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_job_that_waits_in_its_slot_is_told_once(app: App, kind: str) -> None:
    events = Events(app)
    gate = asyncio.Event()

    @app.task
    async def slow() -> int:
        await gate.wait()
        return 1

    def waits() -> int:
        return slow.handle("first").result(timeout=60) + slow.handle("second").result(timeout=60)

    async def awaits() -> int:
        first = await slow.handle("first").aresult(timeout=60)
        return first + await slow.handle("second").aresult(timeout=60)

    async with app:
        parent = app.task(name="parent")(waits if kind == "sync" else awaits)
        jobs = [slow.job(), slow.job()]
        named = [
            type(job)(id=i, task=job.task, args=job.args)
            for i, job in zip(("first", "second"), jobs, strict=True)
        ]
        await app.aenqueue_many(named)
        handle = await parent.aenqueue()
        async with serving(app, concurrency=3):
            await until(lambda: events.of(SlotWaiting))
            gate.set()
            assert await handle.aresult(timeout=60) == 2
        assert (await stored(app, handle.id)).attempt == 1
    (told,) = events.of(SlotWaiting)
    assert (told.job_id, told.task, told.waits_for) == (handle.id, "parent", "first")


async def test_a_job_that_waits_in_the_only_slot_is_told_and_ends_with_its_timeout(
    app: App,
) -> None:
    events = Events(app)

    @app.task
    def child() -> int:
        return 1

    @app.task(retry=Retry(max_attempts=1))
    def parent() -> int:
        return child.enqueue().result(timeout=2)

    async with app:
        handle = await parent.aenqueue()
        async with serving(app, concurrency=1):
            with pytest.raises(JobFailed, match="ResultTimeout"):
                await handle.aresult(timeout=60)
            (told,) = events.of(SlotWaiting)
            assert told.job_id == handle.id
            assert await child.handle(told.waits_for).aresult(timeout=60) == 1


async def test_who_waits_outside_of_a_slot_is_not_told(app: App) -> None:
    events = Events(app)

    @app.task
    async def slow() -> None: ...

    async with app:
        handle = await slow.aenqueue()
        with pytest.raises(TimeoutError):
            await handle.aresult(timeout=1.2)
    assert not events.of(SlotWaiting)
