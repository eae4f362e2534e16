"""Async callables that are no plain ``async def`` are awaited, wherever they are given."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import pytest

from dutiful import App, BadOption, Context, UsageError
from dutiful.client.async_or_not import is_async
from dutiful.core.event import JobDied
from dutiful.core.job import NewJob
from tests.worker.support import burst, errors, stored


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def plain(number: int) -> int:
    return 2 * number


class Doubler:
    async def __call__(self, number: int) -> int:
        return await double(number)

    async def method(self, number: int) -> int:
        return await double(number)

    @staticmethod
    async def static(number: int) -> int:
        return await double(number)


class Yields:
    def __call__(self, number: int) -> Any:
        yield number


other = App("memory://")
FORMS: dict[str, Callable[..., Any]] = {
    "object": Doubler(),
    "method": Doubler().method,
    "static": Doubler.static,
    "partial of an object": partial(Doubler()),
    "partial of a partial": partial(partial(double)),
    "task": other.task(double),
    "partial of a task": partial(other.task(name="again")(double)),
    "static method object": Doubler.__dict__["static"],
}


@pytest.mark.parametrize("form", FORMS)
async def test_it_is_awaited_as_a_task(app: App, form: str) -> None:
    task: Any = app.task(name="double")(FORMS[form])
    assert task.spec.isolation == "loop"
    handle = await task.aenqueue(4)
    await burst(app)
    assert await handle.aresult(timeout=1) == 8
    assert await task(4) == 8
    with pytest.raises(UsageError, match="number"):
        await task.aenqueue("four")


@pytest.mark.parametrize("form", FORMS)
async def test_it_is_awaited_as_a_step(app: App, form: str) -> None:
    @app.task
    async def steps(ctx: Context) -> Any:
        return await ctx.step("double", FORMS[form], 4)

    @app.task
    def in_thread(ctx: Context) -> Any:
        with pytest.raises(UsageError, match="a sync task takes sync functions"):
            ctx.step("double", FORMS[form], 4)
        return "refused"

    handle, other_one = await steps.aenqueue(), await in_thread.aenqueue()
    await burst(app)
    assert await handle.aresult(timeout=1) == 8
    assert await other_one.aresult(timeout=1) == "refused"


def test_what_is_sync_stays_so() -> None:
    for fn in (plain, partial(plain), lru_cache(plain), other.task(plain), Doubler, print, 3):
        assert not is_async(fn)
    assert App("memory://").task(plain).spec.isolation == "thread"


def test_an_async_task_is_seen_as_one() -> None:
    app = App("memory://")
    task, sync = app.task(double), app.task(plain)
    see = (
        inspect.iscoroutinefunction if sys.version_info >= (3, 12) else asyncio.iscoroutinefunction
    )
    assert see(task)
    assert is_async(partial(task))
    assert not see(sync)


async def test_a_task_of_two_apps_is_given_one_context(app: App) -> None:
    @other.task(name="context-of-two")
    async def tells(number: int, ctx: Context) -> str:
        return f"{number} {ctx.job.task}"

    @other.task(name="sync-context-of-two")
    def tells_sync(number: int, *, ctx: Context) -> str:
        return f"{number} {ctx.job.task}"

    made: list[Any] = [
        app.task(name="stacked")(tells),
        app.task(name="held")(partial(tells, 7)),
        app.task(name="sync")(tells_sync),
        app.task(name="held-sync")(partial(tells_sync, 7)),
    ]
    given: list[tuple[int, ...]] = [(7,), (), (7,), ()]
    handles = [await task.aenqueue(*args) for task, args in zip(made, given, strict=True)]
    await burst(app)
    told = [await handle.aresult(timeout=1) for handle in handles]
    assert told == ["7 stacked", "7 held", "7 sync", "7 held-sync"]


async def test_hooks_are_awaited_on_the_loop(app: App) -> None:
    loops: list[Any] = []

    class Traces:
        async def __call__(self, job: NewJob) -> NewJob:
            loops.append(asyncio.get_running_loop())
            return job

    class Mourns:
        async def __call__(self, died: JobDied) -> None:
            loops.append(asyncio.get_running_loop())

    app.on_enqueue(partial(Traces()))
    app.on_death(Mourns())

    @app.task(retry=None)  # type: ignore[arg-type]  # as good as none
    def dies() -> None:
        raise ValueError

    handle = await dies.using(max_attempts=1).aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).state.word == "dead"
    assert len(await errors(app, handle.id)) == 1
    assert loops == [asyncio.get_running_loop()] * 2


def test_an_object_that_yields_is_refused() -> None:
    with pytest.raises(BadOption, match="generator"):
        App("memory://").task(name="yields")(Yields())
    with pytest.raises(BadOption, match="cpu=True runs sync"):
        App("memory://").task(name="doubles", cpu=True)(Doubler())


def test_annotations_are_those_of_what_is_called() -> None:
    for number, fn in enumerate((lru_cache(plain), partial(other.task(name="p")(plain)))):
        task: Any = App("memory://").task(name=f"t{number}")(fn)
        with pytest.raises(UsageError, match="int"):
            task.job("four")
