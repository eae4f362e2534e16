"""A step whose result cannot be kept ends its job at once: another attempt would repeat it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dutiful import App, BadOption, BadPayload, Context, EngineUnavailable, Retry, StepNotRecorded
from dutiful.testing import harness
from tests.worker import jobs as cpu
from tests.worker.support import burst, errors, stored

RESULTS: list[Any] = [object(), float("nan"), 2**80, "x" * 300_000, {"a": {1, object()}}]
AT_ONCE = Retry(max_attempts=3, delay=0)


@pytest.mark.parametrize("number", range(len(RESULTS)))
@pytest.mark.parametrize("kind", ["sync", "async", "threaded", "wrapped"])
async def test_it_is_dead_at_its_first_attempt(app: App, kind: str, number: int) -> None:
    ran: list[int] = []

    def charge() -> Any:
        ran.append(1)
        return RESULTS[number]

    async def acharge() -> Any:
        return charge()

    def body(ctx: Context) -> None:
        try:
            ctx.step("charge", charge)
        except StepNotRecorded:
            if kind == "wrapped":
                raise RuntimeError("cannot charge") from None
            raise

    async def on_loop(ctx: Context) -> None:
        if kind == "threaded":
            await ctx.step("charge", asyncio.to_thread, charge)
        await ctx.step("charge", acharge)

    loop = kind in ("async", "threaded")
    task = app.task(name="task", retry=AT_ONCE)(on_loop if loop else body)
    handle = await task.aenqueue()
    await burst(app)
    job = await stored(app, handle.id)
    assert (job.state.word, job.reason, job.attempt, ran) == ("dead", "discarded", 1, [1])
    (error,) = await errors(app, handle.id)
    if kind != "wrapped":
        assert "step 'charge' has run" in error.message


async def test_it_is_dead_in_a_child_process_too(jobs: App) -> None:
    handle = await cpu.step_without_json.aenqueue()
    await burst(jobs)
    job = await stored(jobs, handle.id)
    assert (job.state.word, job.attempt) == ("dead", 1)
    assert "cannot be recorded" in (await errors(jobs, handle.id))[0].message


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(
    ("error", "attempts"),
    [(BadPayload("a NUL"), 1), (OverflowError("large"), 1), (EngineUnavailable("away"), 1)],
    ids=lambda value: type(value).__name__,
)
async def test_what_the_store_refuses(
    app: App, monkeypatch: pytest.MonkeyPatch, kind: str, error: Exception, attempts: int
) -> None:
    calls: list[int] = []
    record = app.store.consumer.record_step

    async def refuse(*arguments: Any) -> Any:
        calls.append(1)
        if isinstance(error, EngineUnavailable) and len(calls) > 1:
            return await record(*arguments)
        raise error

    async def work() -> int:
        return 1

    def body(ctx: Context) -> None:
        ctx.step("s", lambda: 1)

    async def on_loop(ctx: Context) -> None:
        await ctx.step("s", work)

    monkeypatch.setattr(app.store.engine.consumer, "record_step", refuse)
    task = app.task(name="task", retry=AT_ONCE)(body if kind == "sync" else on_loop)
    handle = await task.aenqueue()
    await burst(app)
    job = await stored(app, handle.id)
    away = isinstance(error, EngineUnavailable)
    assert (job.state.word, job.attempt) == ("succeeded" if away else "dead", attempts)


async def test_a_task_may_answer_it(app: App) -> None:
    @app.task
    def careful(ctx: Context) -> str:
        try:
            ctx.step("charge", object)
        except StepNotRecorded:
            return "noted by hand"
        return "never"

    handle = await careful.aenqueue()
    await burst(app)
    assert await handle.aresult(timeout=60) == "noted by hand"


async def test_a_blocking_function_in_an_async_task_is_not_repeated(app: App) -> None:
    ran: list[int] = []

    @app.task(retry=AT_ONCE)
    async def wrong(ctx: Context) -> None:
        await ctx.step("s", ran.append, 1)

    handle = await wrong.aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).attempt == 1
    assert ran == [1]


@pytest.mark.parametrize("name", ["", "x" * 501, "a\0b", "a\nb", "\ud800", 5])
def test_a_name_that_cannot_be_kept_is_refused_before_the_function_runs(name: Any) -> None:
    app = App("memory://")
    ran: list[int] = []

    @app.task(retry=Retry(max_attempts=1))
    def task(ctx: Context) -> None:
        with pytest.raises(BadOption, match="step name"):
            ctx.step(name, ran.append, 1)

    with harness(app) as jobs:
        task.enqueue()
        jobs.run_due()
    assert not ran


async def test_the_limit_is_that_of_the_setting() -> None:
    async with App("memory://", payload_bytes_max=400_000) as app:

        @app.task
        def large(ctx: Context) -> int:
            return len(ctx.step("s", lambda: "x" * 300_000))

        handle = await large.aenqueue()
        await burst(app)
        assert await handle.aresult(timeout=60) == 300_000
