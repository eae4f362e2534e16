"""Async, sync and cpu tasks in one worker: slots, contexts, steps."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Optional

import pytest

from dutiful import App, ClaimLost, Context, Retry, UsageError
from dutiful.core.outcome import Crashed
from dutiful.core.settle import Rules, settle
from tests.until import until
from tests.worker import jobs as cpu
from tests.worker.support import burst, errors, marks, serving, stored


async def test_one_budget_of_slots_for_all_kinds(jobs: App) -> None:
    spans: list[tuple[float, float]] = []

    @jobs.task
    async def on_loop() -> None:
        started = time.time()
        await asyncio.sleep(0.1)
        spans.append((started, time.time()))

    @jobs.task
    def in_thread() -> None:
        started = time.time()
        time.sleep(0.1)
        spans.append((started, time.time()))

    try:
        built = [on_loop.job() for _ in range(6)] + [in_thread.job() for _ in range(6)]
        apart = [cpu.span.job(0.1) for _ in range(4)]
        await jobs.aenqueue_many([*built, *apart])
        await burst(jobs, concurrency=3)
        for job in apart:
            spans.append(tuple(await cpu.span.handle(job.id).aresult(timeout=1)))
    finally:
        del jobs.tasks["on_loop"], jobs.tasks["in_thread"]
    assert len(spans) == 16
    most = max(sum(start <= at < end for start, end in spans) for at, _ in spans)
    assert most <= 3


async def test_results_come_back_as_annotated(jobs: App) -> None:
    handle = await cpu.add.aenqueue(2, b=3)
    renamed = await cpu.under_another_name.aenqueue()
    elsewhere = await cpu.kept_elsewhere.aenqueue(4)
    await burst(jobs)
    assert await handle.aresult(timeout=1) == 5
    assert await renamed.aresult(timeout=1) > 0
    assert await elsewhere.aresult(timeout=1) == 8


async def test_the_context_is_put_where_it_is_asked_for(app: App) -> None:
    seen: dict[str, Context | None] = {}

    @app.task
    def first(ctx: Context, a: int) -> None:
        seen["first"] = ctx if a == 1 else None

    @app.task
    async def last(a: int, ctx: Context) -> None:
        seen["last"] = ctx if a == 1 else None

    @app.task
    async def middle(a: int, ctx: Context, b: int = 2) -> None:
        seen["middle"] = ctx if (a, b) == (1, 2) else None

    @app.task
    def keyword(a: int, *, ctx: Context) -> None:
        seen["keyword"] = ctx if a == 1 else None

    @app.task
    def after_default(a: int = 1, ctx: Context | None = None) -> None:
        seen["after_default"] = ctx if a == 1 else None

    @app.task
    def optional(a: int, ctx: Optional[Context] = None) -> None:  # noqa: UP045 - a form under test
        seen["optional"] = ctx if a == 1 else None

    @app.task
    def spread(ctx: Context, *numbers: int, **named: int) -> None:
        seen["spread"] = ctx if (numbers, named) == ((1, 2), {"c": 3}) else None

    for task in (first, last, middle, keyword, optional):
        await task.aenqueue(1)
    await after_default.aenqueue()
    await spread.aenqueue(1, 2, c=3)
    await burst(app)
    assert len(seen) == 7
    assert all(isinstance(ctx, Context) and ctx.attempt == 1 for ctx in seen.values())


async def test_the_context_is_found_without_being_given(app: App) -> None:
    ids: list[str] = []

    def deep() -> None:
        ids.append(Context.current().job_id)

    @app.task
    def sync() -> None:
        deep()

    @app.task
    async def on_loop() -> None:
        await asyncio.to_thread(deep)
        deep()

    one, two = await sync.aenqueue(), await on_loop.aenqueue()
    await burst(app)
    assert sorted(ids) == sorted([one.id, two.id, two.id])
    with pytest.raises(UsageError, match="inside a task"):
        Context.current()


async def test_a_context_under_a_foreign_name_is_an_argument(app: App) -> None:
    class Other:
        class Context(dict[str, int]): ...

    @app.task
    def plain(ctx: dict[str, int]) -> int:
        return ctx["a"]

    handle = await plain.aenqueue({"a": 1})
    await burst(app)
    assert await handle.aresult(timeout=1) == 1


async def test_a_step_runs_once(app: App) -> None:
    ran: list[str] = []
    again = Retry(max_attempts=3, delay=0, jitter="none")

    async def slow(name: str) -> dict[str, str]:
        ran.append(name)
        return {"name": name}

    def quick(name: str) -> dict[str, str]:
        ran.append(name)
        return {"name": name}

    @app.task(retry=again)
    async def on_loop(ctx: Context) -> dict[str, str]:
        result = await ctx.step("slow", slow, "loop")
        if ctx.attempt < 3:
            raise ValueError
        return result

    @app.task(retry=again)
    def in_thread(ctx: Context) -> dict[str, str]:
        result = ctx.step("quick", quick, "thread")
        if ctx.attempt < 3:
            raise ValueError
        return result

    one, two = await on_loop.aenqueue(), await in_thread.aenqueue()
    await burst(app)
    assert await one.aresult(timeout=1) == {"name": "loop"}
    assert await two.aresult(timeout=1) == {"name": "thread"}
    assert sorted(ran) == ["loop", "thread"]


async def test_a_step_of_a_child_process_runs_once(jobs: App, tmp_path: Path) -> None:
    handle = await cpu.steps.aenqueue()
    await burst(jobs)
    assert await handle.aresult(timeout=1) == [5, 6, 2]
    assert marks(tmp_path) == ["step first", "step second"]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_step_of_a_stale_claim_is_void(app: App, kind: str) -> None:
    started, rescued = threading.Event(), threading.Event()
    lost: list[str] = []

    @app.task(retry=Retry(max_attempts=1))
    def sync(ctx: Context) -> None:
        started.set()
        rescued.wait(60)
        try:
            ctx.step("late", str)
        except ClaimLost as error:
            lost.append(str(error))

    @app.task(name="async", retry=Retry(max_attempts=1))
    async def on_loop(ctx: Context) -> None:
        started.set()
        await asyncio.to_thread(rescued.wait, 60)
        try:
            await ctx.step("late", asyncio.sleep, 0, "done")
        except ClaimLost as error:
            lost.append(str(error))

    handle = await (sync if kind == "sync" else on_loop).aenqueue()
    async with serving(app, concurrency=1):
        await until(started.is_set)
        (claim,) = await app.store.fleet.claimed((await handle.ajob()).worker or "")
        taken = settle(claim, Crashed("test"), 0, RNG(), Rules())
        await app.store.exchange("another", [taken], None)
        rescued.set()
        await until(lambda: lost)
    assert "no longer this worker's" in lost[0]
    assert await app.store.inspector.steps(handle.id) == {}


async def test_a_step_inside_the_transaction_is_refused_before_it_runs(app: App) -> None:
    ran: list[int] = []

    @app.task(retry=Retry(max_attempts=1))
    def late(ctx: Context) -> None:
        with ctx.transaction():
            ctx.step("late", ran.append, 1)

    handle = await late.aenqueue()
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert error.type == "dutiful.core.errors.UsageError"
    assert "before ctx.transaction()" in error.message
    assert ran == []


async def test_a_thread_of_an_async_task_takes_steps(app: App) -> None:
    @app.task
    async def helped(ctx: Context) -> str:
        return await asyncio.to_thread(lambda: ctx.step("upper", str.upper, "a"))

    handle = await helped.aenqueue()
    await burst(app)
    assert await handle.aresult(timeout=1) == "A"


async def test_a_blocking_step_of_an_async_task_is_explained(app: App) -> None:
    @app.task(retry=Retry(max_attempts=1))
    async def wrong(ctx: Context) -> None:
        await ctx.step("blocking", len, "text")

    handle = await wrong.aenqueue()
    await burst(app)
    assert "asyncio.to_thread" in (await errors(app, handle.id))[0].message
    assert (await stored(app, handle.id)).steps == 0


class RNG:
    def random(self) -> float:
        return 0.5
