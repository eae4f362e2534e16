"""A job that takes or breaks the loop's default threads stops none of the worker's own work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from dutiful import App
from dutiful.core.event import JobDied, ScheduleBroken
from dutiful.core.job import NewJob
from dutiful.services import preparing
from tests.until import until
from tests.worker.support import Events, ended, serving


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What hanging threads wait for until the end of the test."""
    opened = threading.Event()
    yield opened
    opened.set()


def told(app: App) -> list[str]:
    """Add hooks of both kinds that block, and return what they saw."""
    seen: list[str] = []

    @app.on_enqueue
    def tag(job: NewJob) -> NewJob:
        seen.append(f"enqueue {job.task}")
        return replace(job, meta={**job.meta, "tagged": "yes"})

    @app.on_death
    def mourn(died: JobDied) -> None:
        seen.append(f"death {died.job.task}")

    return seen


@pytest.mark.parametrize("how", ["filled", "shut"])
async def test_hooks_and_schedules_go_on(app: App, gate: threading.Event, how: str) -> None:
    @app.task(name="filled", timeout="0.2s")
    async def fill() -> None:
        await asyncio.to_thread(gate.wait)

    @app.task(name="shut")
    async def shut() -> None:
        pool = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(pool)
        pool.shutdown()

    @app.every("1s")
    @app.task(name="tick")
    async def tick() -> None: ...

    @app.task(name="fails")
    async def fails() -> None:
        raise ValueError("x")

    jobs = [app.tasks[how].using(max_attempts=1).job() for _ in range(40 if how == "filled" else 1)]
    await app.aenqueue_many(jobs)
    async with serving(app, concurrency=64):
        for job in jobs:
            await ended(app, job.id)
        seen = told(app)
        async with asyncio.timeout(60):
            handle = await fails.using(max_attempts=1).aenqueue()
        assert (await ended(app, handle.id)).meta["tagged"] == "yes"
        await until(lambda: "death fails" in seen)
        await until(lambda: seen.count("enqueue tick") >= 2)
        gate.set()


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_hook_that_hangs_over_one_schedule_leaves_the_others(
    app: App, gate: threading.Event, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(preparing, "HOOK_SECONDS", 3.0)
    events, made = Events(app), list[str]()

    @app.every("1s", name="a-bad")
    @app.task(name="bad")
    async def bad() -> None: ...

    @app.every("1s", name="b-good")
    @app.task(name="good")
    async def good() -> None:
        made.append("good")

    def hang(job: NewJob) -> NewJob:
        if job.task == "bad":
            gate.wait()
        return job

    async def ahang(job: NewJob) -> NewJob:
        if job.task == "bad":
            await asyncio.Event().wait()
        return job

    app.on_enqueue(hang if kind == "sync" else ahang)
    async with serving(app):
        await until(lambda: len(made) >= 2)
        assert not events.of(ScheduleBroken)
        (told,) = await until(lambda: events.of(ScheduleBroken))
        assert told.schedule == "a-bad"
        before = len(made)
        await until(lambda: len(made) > before + 1)
