"""The user's code around attempts and at deaths."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from dutiful import App, Context, Discard, Retry
from dutiful.core.event import HookFailed, JobDied
from tests.until import until
from tests.worker import jobs as cpu
from tests.worker.support import Events, burst, errors, serving, stored

ONCE = Retry(max_attempts=1)
Proceed = Callable[[], Awaitable[Any]]
REQUEST: ContextVar[str] = ContextVar("request", default="none")


async def test_hooks_surround_each_kind_in_order(jobs: App) -> None:
    told: list[str] = []

    @jobs.task(name="on_loop")
    async def on_loop() -> str:
        told.append(f"loop {REQUEST.get()} {Context.current().attempt}")
        return "result"

    @jobs.task(name="in_thread")
    def in_thread(ctx: Context) -> str:
        told.append(f"thread {REQUEST.get()} {Context.current().job_id == ctx.job_id}")
        return "result"

    @jobs.around_attempt
    async def outer(ctx: Context, proceed: Proceed) -> Any:
        REQUEST.set("seen")
        told.append("outer before")
        result = await proceed()
        told.append(f"outer after {result}")
        return result

    @jobs.around_attempt
    async def inner(ctx: Context, proceed: Proceed) -> Any:
        told.append("inner before")
        result = await proceed()
        told.append("inner after")
        return result

    try:
        for task, line in ((on_loop, "loop seen 1"), (in_thread, "thread seen True")):
            told.clear()
            handle = await task.aenqueue()
            await burst(jobs)
            assert await handle.aresult(timeout=1) == "result"
            assert told == [
                "outer before",
                "inner before",
                line,
                "inner after",
                "outer after result",
            ]
        told.clear()
        apart = await cpu.add.aenqueue(1, 2)
        await burst(jobs)
        assert await apart.aresult(timeout=1) == 3
        assert told == ["outer before", "inner before", "inner after", "outer after 3"]
    finally:
        del jobs.tasks["on_loop"], jobs.tasks["in_thread"]


async def test_a_hook_sees_the_error_and_may_answer_it(jobs: App) -> None:
    seen: list[str] = []

    @jobs.around_attempt
    async def forgiving(ctx: Context, proceed: Proceed) -> Any:
        try:
            return await proceed()
        except Exception as error:
            seen.append(str(error))
            if "forgiven" in str(error):
                return "instead"
            raise

    kept = await cpu.say.using(max_attempts=1).aenqueue("unforgivable")
    forgiven = await cpu.say.using(max_attempts=1).aenqueue("forgiven")
    await burst(jobs)
    (error,) = await errors(jobs, kept.id)
    assert (error.type, error.message) == ("ValueError", "unforgivable")
    assert "in say" in error.traceback
    assert await forgiven.aresult(timeout=1) == "instead"
    assert sorted(seen) == ["ValueError: forgiven", "ValueError: unforgivable"]


async def test_a_hook_may_refuse_or_end_an_attempt(app: App) -> None:
    ran: list[int] = []

    @app.around_attempt
    async def guard(ctx: Context, proceed: Proceed) -> Any:
        if ctx.meta.get("tenant") == "gone":
            raise Discard("the tenant is gone")
        return await proceed()

    @app.task(retry=ONCE)
    def note() -> None:
        ran.append(1)

    gone = await note.using(meta={"tenant": "gone"}).aenqueue()
    await note.aenqueue()
    await burst(app)
    assert ran == [1]
    assert (await stored(app, gone.id)).reason == "discarded"


async def test_a_timeout_interrupts_through_hooks(app: App) -> None:
    @app.around_attempt
    async def around(ctx: Context, proceed: Proceed) -> Any:
        return await proceed()

    @app.task(timeout="0.1s", hard_timeout="0.3s", retry=ONCE)
    async def slow() -> None:
        await asyncio.sleep(30)

    @app.task(timeout="0.1s", hard_timeout="0.3s", retry=ONCE)
    def deaf() -> None:
        gate.wait(60)

    gate = threading.Event()
    one, two = await slow.aenqueue(), await deaf.aenqueue()
    await burst(app)
    gate.set()
    for handle in (one, two):
        assert (await errors(app, handle.id))[0].type == "TimeoutError"


async def test_deaths_are_told_to_every_hook(app: App) -> None:
    told: list[str] = []
    events = Events(app)

    @app.on_death
    def sync(died: JobDied) -> None:
        told.append(f"sync {died.reason} {died.error.type if died.error else ''}")

    @app.on_death
    async def on_loop(died: JobDied) -> None:
        await asyncio.sleep(0)
        told.append("async")

    @app.on_death
    def raises(died: JobDied) -> None:
        raise LookupError("no address")

    @app.on_death
    def leaves(died: JobDied) -> None:
        raise SystemExit(3)

    app.on_death(lambda died: on_loop(died))

    @app.task(retry=ONCE)
    async def fails() -> None:
        raise ValueError("no")

    await fails.aenqueue()
    await burst(app)
    assert sorted(told) == ["async", "async", "sync attempts-spent ValueError"]
    assert sorted(event.error for event in events.of(HookFailed)) == [
        "LookupError: no address",
        "SystemExit: 3",
    ]


async def test_a_death_is_told_by_one_of_two_workers_of_an_app(app: App) -> None:
    told: list[str] = []

    @app.on_death
    async def tell(died: JobDied) -> None:
        told.append(died.job.id)

    @app.task(retry=ONCE)
    async def fails() -> None:
        raise ValueError("no")

    async with serving(app), serving(app):
        handle = await fails.aenqueue()
        await until(lambda: told)
    assert told == [handle.id]


async def test_a_hook_that_hangs_does_not_hold_the_exit(app: App) -> None:
    @app.on_death
    async def hangs(died: JobDied) -> None:
        await asyncio.sleep(60)

    @app.task(retry=ONCE)
    async def fails() -> None:
        raise ValueError("no")

    await fails.aenqueue()
    begun = time.monotonic()
    worker = await burst(app, grace=0)
    assert time.monotonic() - begun < 20
    assert not worker.clean


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_child_may_be_enqueued_from_a_task(app: App, kind: str) -> None:
    ran: list[str] = []

    @app.task
    async def child(name: str) -> None:
        ran.append(name)

    @app.task(name="sync")
    def sync() -> None:
        child.enqueue("from sync")

    @app.task(name="async")
    async def on_loop() -> None:
        await child.aenqueue("from async")

    await (sync if kind == "sync" else on_loop).aenqueue()
    await burst(app)
    assert ran == [f"from {kind}"]
