"""Hooks around a task's function, where it runs."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Context, Discard, Retry
from dutiful.core.event import HookFailed
from tests.worker import isolated
from tests.worker.support import Events, burst, errors, marks, stored

ONCE = Retry(max_attempts=1)


async def test_a_sync_hook_is_in_the_thread_of_the_task(app: App) -> None:
    told: list[str] = []

    @app.around_call
    @contextmanager
    def outer(ctx: Context) -> Iterator[None]:
        assert Context.current().job_id == ctx.job_id
        told.append(f"enter {threading.get_ident()}")
        yield
        told.append(f"leave {threading.get_ident()}")

    @app.around_call
    @contextmanager
    def inner(ctx: Context) -> Iterator[None]:
        told.append("inner")
        yield

    @app.task(retry=ONCE)
    def in_thread() -> int:
        told.append(f"task {threading.get_ident()}")
        return threading.get_ident()

    handle = await in_thread.aenqueue()
    await burst(app)
    ident = await handle.aresult(timeout=1)
    assert ident != threading.get_ident()
    assert told == [f"enter {ident}", "inner", f"task {ident}", f"leave {ident}"]


async def test_each_kind_of_task_has_its_kind_of_hook(app: App) -> None:
    told: list[str] = []

    @app.around_call
    @asynccontextmanager
    async def for_async(ctx: Context) -> AsyncIterator[None]:
        told.append("async before")
        yield
        told.append("async after")

    @app.around_call
    @contextmanager
    def for_sync(ctx: Context) -> Iterator[None]:
        told.append("sync before")
        yield
        told.append("sync after")

    @app.task(retry=ONCE)
    async def on_loop() -> None:
        told.append("loop")

    @app.task(retry=ONCE)
    def in_thread() -> None:
        told.append("thread")

    await on_loop.aenqueue()
    await burst(app)
    await in_thread.aenqueue()
    await burst(app)
    assert told == [
        *("async before", "loop", "async after"),
        *("sync before", "thread", "sync after"),
    ]


async def test_a_hook_is_in_the_child_of_the_task(
    isolation: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOKED", "yes")  # the child adds the hook when it imports the module
    events = Events(isolation)
    handle = await isolated.where_in_child.aenqueue()
    broken = await isolated.where_in_child.using(meta={"break": "exit"}).aenqueue()
    await burst(isolation, concurrency=1)
    where = await handle.aresult(timeout=1)
    assert marks(tmp_path)[:2] == [f"enter {where}", f"leave {where}"]
    (error,) = await errors(isolation, broken.id)
    assert (error.type, error.message) == ("LookupError", "cannot leave")
    assert [event.error for event in events.of(HookFailed)] == ["LookupError: cannot leave"]


class Broken:
    """A context manager for both kinds, which raises when it is told to."""

    def __init__(self, when: str) -> None:
        self.when = when
        self.reach("call")

    def reach(self, when: str) -> None:
        if when == self.when:
            raise LookupError("no connection")

    def __enter__(self) -> None:
        self.reach("enter")

    def __exit__(self, *error: object) -> None:
        self.reach("exit")

    async def __aenter__(self) -> None:
        self.reach("enter")

    async def __aexit__(self, *error: object) -> None:
        self.reach("exit")


@pytest.mark.parametrize("when", ["call", "enter", "exit"])
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_hook_that_raises_fails_the_attempt_and_is_told(
    app: App, kind: str, when: str
) -> None:
    events, ran = Events(app), list[str]()

    @app.around_call
    def broken(ctx: Context) -> Broken:
        return Broken(when)

    @app.task(name="sync", retry=ONCE)
    def in_thread() -> None:
        ran.append("sync")

    @app.task(name="async", retry=ONCE)
    async def on_loop() -> None:
        ran.append("async")

    handle = await app.tasks[kind].aenqueue()
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert (error.type, error.message) == ("LookupError", "no connection")
    (failed,) = events.of(HookFailed)
    assert failed.error == "LookupError: no connection"
    assert "broken" in failed.hook
    assert ran == ([kind] if when == "exit" else [])


async def test_a_hook_sees_the_tasks_error_and_is_not_blamed(app: App) -> None:
    events, seen = Events(app), list[str]()

    @app.around_call
    @contextmanager
    def watch(ctx: Context) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            seen.append(str(error))
            raise

    @app.task(retry=ONCE)
    def fails() -> None:
        raise ValueError("the task's")

    handle = await fails.aenqueue()
    await burst(app)
    assert seen == ["the task's"]
    assert (await errors(app, handle.id))[0].message == "the task's"
    assert not events.of(HookFailed)


async def test_a_hook_may_decide_as_a_task_may(app: App) -> None:
    events = Events(app)

    @app.around_call
    @contextmanager
    def refuse(ctx: Context) -> Iterator[None]:
        raise Discard("the tenant is gone")
        yield

    @app.task(retry=ONCE)
    def never() -> None:
        raise AssertionError

    handle = await never.aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).reason == "discarded"
    assert not events.of(HookFailed)


async def test_what_is_no_context_manager_is_told(app: App) -> None:
    nothing: Any = lambda ctx: None  # noqa: E731 - a hook without a name
    app.around_call(nothing)

    @app.task(retry=ONCE)
    def never() -> None:
        raise AssertionError

    handle = await never.aenqueue()
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert error.type == "TypeError"
    assert "context manager" in error.message
