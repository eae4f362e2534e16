"""Hooks around attempts that call the task again, or go on without it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from dutiful import App, Context, Retry
from dutiful.core.event import SlotStuck
from tests.worker import jobs as cpu
from tests.worker.support import Events, burst, errors, marks, stored

ONCE = Retry(max_attempts=1)
Proceed = Callable[[], Awaitable[Any]]


async def twice(ctx: Context, proceed: Proceed) -> Any:
    try:
        return await proceed()
    except Exception:  # noqa: BLE001 - whatever the task or its child says
        return await proceed()


@pytest.mark.parametrize("kind", ["thread", "loop"])
async def test_a_task_that_is_started_anew_has_its_steps(app: App, kind: str) -> None:
    app.around_attempt(twice)
    ran: list[str] = []

    async def aeffect() -> str:
        return effect()

    def effect() -> str:
        ran.append("effect")
        return "done"

    def ends(first: str) -> str:
        ran.append("body")
        if ran.count("body") == 1:
            raise ValueError("once")
        return first

    @app.task(retry=ONCE)
    def in_thread(ctx: Context) -> str:
        return ends(ctx.step("one", effect))

    @app.task(retry=ONCE)
    async def on_loop(ctx: Context) -> str:
        return ends(await ctx.step("one", aeffect))

    handle = await (in_thread if kind == "thread" else on_loop).aenqueue()
    await burst(app)
    assert await handle.aresult(timeout=1) == "done"
    assert ran == ["effect", "body", "body"]


async def test_so_has_one_in_a_child(jobs: App, tmp_path: Any) -> None:
    jobs.around_attempt(twice)
    handle = await cpu.fails_after_a_step.using(max_attempts=1).aenqueue()
    await burst(jobs)
    assert await handle.aresult(timeout=1) == "done"
    assert marks(tmp_path) == ["effect", "body", "body"]


@pytest.mark.parametrize("hooked", [False, True])
async def test_the_policy_sees_a_sync_tasks_stop_iteration(app: App, hooked: bool) -> None:
    seen: list[str] = []

    async def around(ctx: Context, proceed: Proceed) -> Any:
        try:
            return await proceed()
        except Exception as error:
            seen.append(str(error))
            raise

    if hooked:
        app.around_attempt(around)

    @app.task(retry=Retry(never=[StopIteration]))
    def stops() -> None:
        next(iter([]))

    handle = await stops.aenqueue()
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert (error.type, error.attempt) == ("StopIteration", 1)
    assert "next(iter([]))" in error.traceback
    assert (await stored(app, handle.id)).reason == "discarded"
    assert seen == (["StopIteration: "] if hooked else [])


@pytest.mark.parametrize("again", [False, True])
async def test_a_thread_that_a_hook_leaves_keeps_its_slot(app: App, again: bool) -> None:
    events, lock = Events(app), threading.Lock()
    now = most = 0

    @app.around_attempt
    async def short(ctx: Context, proceed: Proceed) -> Any:
        if again:
            with suppress(TimeoutError):
                return await asyncio.wait_for(proceed(), 0.05)
            return await proceed()
        return await asyncio.wait_for(proceed(), 0.05)

    @app.task(retry=ONCE)
    def slow() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.2)
        with lock:
            now -= 1

    handles = [await slow.aenqueue() for _ in range(3)]
    worker = await burst(app, concurrency=1)
    assert (most, now, worker.clean) == (1, 0, True)
    assert len(events.of(SlotStuck)) == 3
    states = [(await stored(app, handle.id)).state.word for handle in handles]
    assert states == ["succeeded" if again else "dead"] * 3


async def test_a_thread_that_never_ends_costs_the_hard_timeout_only(app: App) -> None:
    gate = threading.Event()

    @app.around_attempt
    async def short(ctx: Context, proceed: Proceed) -> Any:
        return await asyncio.wait_for(proceed(), 0.05)

    @app.task(retry=ONCE, hard_timeout="0.3s")
    def stuck() -> None:
        gate.wait(60)

    handles = [await stuck.aenqueue() for _ in range(2)]
    worker = await burst(app, concurrency=1)
    gate.set()
    assert not worker.clean
    for handle in handles:
        assert [error.type for error in await errors(app, handle.id)] == ["TimeoutError"]
