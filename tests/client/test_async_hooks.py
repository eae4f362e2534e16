"""Hooks of enqueue, sync and async, in every place from which jobs come."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dutiful import App, BadOption, UsageError
from dutiful.core.event import HookFailed
from dutiful.core.job import NewJob
from dutiful.testing import harness
from tests.worker.support import Events

tenant: ContextVar[str] = ContextVar("tenant", default="nobody")


def blocking(job: NewJob) -> NewJob:
    """Refuse to run on a loop, as an ORM does, and note where it ran."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return replace(job, meta={**job.meta, "tenant": tenant.get()})
    raise RuntimeError("You cannot call this from an async context")


def plain(job: NewJob) -> NewJob:
    return job


async def awaited(job: NewJob) -> NewJob:
    await asyncio.sleep(0)
    return replace(job, meta={**job.meta, "awaited": tenant.get()})


def late(job: NewJob) -> Any:
    return awaited(job)


class Callable:
    async def __call__(self, job: NewJob) -> NewJob:
        return await awaited(job)


HOOKS: list[list[Any]] = [
    [blocking],
    [awaited],
    [late],
    [Callable()],
    [blocking, awaited, blocking],
]


class Wordless(Exception):
    def __str__(self) -> str:
        raise SystemExit("from within")


def _name(value: object) -> str:
    return type(value).__name__


@pytest.fixture
def app() -> Iterator[App]:
    app = App("memory://")
    yield app
    app.portal.close()


def _add(app: App, hooks: list[Any]) -> set[str]:
    for hook in hooks:
        app.on_enqueue(hook)
    return {"tenant" if hook is blocking else "awaited" for hook in hooks}


@pytest.mark.parametrize("hooks", HOOKS, ids=["sync", "async", "late", "callable", "mixed"])
async def test_from_async_code(app: App, hooks: list[Any]) -> None:
    keys = _add(app, hooks)

    @app.task
    def note() -> None: ...

    tenant.set("acme")
    handle = await note.aenqueue()
    await app.aenqueue_many([note.job() for _ in range(3)])
    assert (await handle.ajob()).meta == dict.fromkeys(keys, "acme")


@pytest.mark.parametrize("hooks", HOOKS, ids=["sync", "async", "late", "callable", "mixed"])
def test_from_sync_code(app: App, hooks: list[Any]) -> None:
    keys = _add(app, hooks)

    @app.task
    def note() -> None: ...

    tenant.set("acme")
    assert note.enqueue().job().meta == dict.fromkeys(keys, "acme")
    assert app.enqueue_many([note.job() for _ in range(3)]) == 3


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.parametrize("hooks", HOOKS, ids=["sync", "async", "late", "callable", "mixed"])
async def test_on_the_callers_connection(tmp_path: Path, hooks: list[Any], many: bool) -> None:
    """A loop that waits for its own hook would wait indefinitely; a sync hook needs no loop."""
    async with App(f"sqlite:///{tmp_path}/jobs.db") as app:
        for hook in hooks:
            app.on_enqueue(plain if hook is blocking else hook)

        @app.task
        def note() -> None: ...

        def enqueue(connection: Any) -> Any:
            if many:
                return app.enqueue_many([note.job()], connection=connection)
            return note.using(connection=connection).enqueue()

        with closing(sqlite3.connect(tmp_path / "jobs.db")) as connection:
            connection.execute("begin")
            if hooks == [blocking]:
                enqueue(connection)
            else:
                with pytest.raises(UsageError, match=r"async on_enqueue hook.*await .*aenqueue\("):
                    enqueue(connection)
                await note.using(connection=connection).aenqueue()
            connection.commit()
        assert [sum(count.counts.values()) for count in await app.store.inspector.queues()] == [1]


@pytest.mark.parametrize("hooks", HOOKS, ids=["sync", "async", "late", "callable", "mixed"])
def test_from_a_schedule(hooks: list[Any]) -> None:
    app = App("memory://")
    keys = _add(app, hooks)
    seen: list[dict[str, str]] = []

    @app.every("1m")
    @app.task
    def note() -> None: ...

    app.on_enqueue(lambda job: seen.append(dict(job.meta)) or job)
    with harness(app) as jobs:
        jobs.run_due(until=timedelta(minutes=3), schedules=True)
        assert len(jobs.jobs(note)) >= 2
    assert all(keys <= set(meta) for meta in seen)


@pytest.mark.parametrize(
    "error", [SystemExit(3), StopIteration(), ValueError("no"), KeyError(1)], ids=repr
)
async def test_what_a_hook_raises_refuses_the_job(app: App, error: BaseException) -> None:
    def refuses(job: NewJob) -> NewJob:
        raise error

    async def refuses_too(job: NewJob) -> NewJob:
        raise error

    @app.task
    def note() -> None: ...

    for hook in (refuses, refuses_too):
        app.hooks.on_enqueue[:] = [hook]
        with pytest.raises((type(error), RuntimeError)):
            async with asyncio.timeout(60):
                await note.aenqueue()
    assert await app.store.inspector.queues() == ()


async def test_what_a_hook_returns_is_held_to_the_rules(app: App) -> None:
    @app.task
    def note() -> None: ...

    async def wrong(job: NewJob) -> NewJob:
        meta: Any = {"order": 42}
        return replace(job, meta=meta)

    async def nothing(job: NewJob) -> Any: ...

    for hook, kind in ((wrong, BadOption), (nothing, UsageError)):
        app.hooks.on_enqueue[:] = [hook]
        with pytest.raises(kind, match="on_enqueue"):
            await note.aenqueue()
        with pytest.raises(kind, match="on_enqueue"):
            await asyncio.to_thread(note.enqueue)


@pytest.mark.parametrize(
    "error", [SystemExit(3), StopIteration(), ValueError("no"), Wordless()], ids=_name
)
def test_a_hook_of_death_that_raises_ends_nothing(error: BaseException) -> None:
    app, seen = App("memory://"), list[str]()
    events = Events(app)

    @app.task
    def fails() -> None:
        raise ValueError("x")

    @app.on_death
    def raises(died: Any) -> None:
        seen.append(threading.current_thread().name)
        raise error

    with harness(app) as jobs:
        fails.using(max_attempts=1).enqueue()
        jobs.run_due(raise_on_death=False)
    assert len(seen) == 1
    assert events.of(HookFailed)
