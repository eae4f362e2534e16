"""Attempts share no context, and what would end a program ends one attempt."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Context, Retry
from dutiful.core.event import HookFailed, JobDied
from dutiful.worker import forks
from dutiful.worker.isolation.contained import contain, release
from dutiful.worker.isolation.steady_loop import SteadyLoop
from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import serve
from tests.worker.support import Events, burst, errors, stored

ONCE = Retry(max_attempts=1)
LIFESPAN: ContextVar[str] = ContextVar("lifespan", default="not set")
LEAK: ContextVar[str] = ContextVar("leak", default="clean")


@pytest.mark.parametrize("kind", ["on_loop", "in_thread", "in_child"])
async def test_no_attempt_sees_what_another_set(isolation: App, kind: str) -> None:
    task = isolation.tasks[f"see_{kind}"]
    handles = [await task.aenqueue(f"tenant-{number}") for number in range(4)]
    await burst(isolation, concurrency=1)
    precision = "28"
    for handle in handles:
        assert await handle.aresult(timeout=1) == ["none", "by the module", precision]


async def test_what_the_program_set_for_its_worker_is_seen(app: App) -> None:
    @app.task(retry=ONCE)
    async def on_loop() -> str:
        return LIFESPAN.get()

    @app.task(retry=ONCE)
    def in_thread() -> str:
        return LIFESPAN.get()

    LIFESPAN.set("a pool")
    one, two = await on_loop.aenqueue(), await in_thread.aenqueue()
    await burst(app)
    assert [await one.aresult(timeout=1), await two.aresult(timeout=1)] == ["a pool", "a pool"]


async def test_hooks_and_events_bring_no_context_along(app: App) -> None:
    seen: list[str] = []

    @app.around_attempt
    async def around(ctx: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
        seen.append(LEAK.get())
        LEAK.set("around")
        return await proceed()

    @app.on_death
    async def on_loop(died: JobDied) -> None:
        seen.append(LEAK.get())
        LEAK.set("death")

    @app.on_death
    def in_thread(died: JobDied) -> None:
        seen.append(LEAK.get())

    @app.task(retry=ONCE)
    async def fails() -> None:
        LEAK.set("task")
        raise ValueError

    for _ in range(3):
        await fails.aenqueue()
    await burst(app, concurrency=1)
    assert set(seen) == {"clean"}
    assert len(seen) == 9


async def _leave(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


LEAVING = {
    "SystemExit": lambda: SystemExit("usage"),
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
}


async def _group(error: BaseException) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_leave(error))
        await asyncio.sleep(30)


async def _task(error: BaseException) -> None:
    await asyncio.create_task(_leave(error))


async def _gather(error: BaseException) -> None:
    await asyncio.gather(_leave(error), asyncio.sleep(30))


async def _left_alone(error: BaseException) -> None:
    task = asyncio.create_task(_leave(error))
    await asyncio.sleep(0.2)
    if task.done():
        task.result()


@pytest.mark.parametrize("name", LEAVING)
@pytest.mark.parametrize("body", [_group, _task, _gather, _left_alone, _leave])
async def test_leaving_the_program_ends_the_attempt(
    app: App, body: Callable[[BaseException], Awaitable[None]], name: str
) -> None:
    @app.task(retry=ONCE)
    async def leaves() -> None:
        await body(LEAVING[name]())

    @app.task(retry=ONCE)
    async def neighbour() -> int:
        await asyncio.sleep(0.05)
        return 1

    beside = await neighbour.aenqueue()
    handle = await leaves.aenqueue()
    await burst(app)
    assert await beside.aresult(timeout=1) == 1
    (error,) = await errors(app, handle.id)
    assert name in (error.type + error.traceback)
    if name != "GeneratorExit":
        assert error.type == name
        assert "_leave" in error.traceback
    assert (await stored(app, beside.id)).attempt == 1


async def test_a_hook_that_leaves_ends_itself(app: App) -> None:
    events = Events(app)

    @app.on_death
    async def leaves(died: JobDied) -> None:
        await _group(SystemExit("usage"))

    @app.task(retry=ONCE)
    async def fails() -> None:
        raise ValueError

    await fails.aenqueue()
    await burst(app)
    (failed,) = events.of(HookFailed)
    assert failed.error == "SystemExit: usage"


@pytest.mark.parametrize("loop", ["asyncio", "installed"])
def test_a_callback_that_leaves_ends_no_worker(
    tmp_path: Path, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio's own loop says whose callback it was; elsewhere the error is only logged."""
    app = App(f"sqlite:///{tmp_path}/jobs.db")
    if loop == "asyncio":
        monkeypatch.setattr("dutiful.worker.serve.new_loop", SteadyLoop)

    def leave() -> None:
        raise SystemExit("usage")

    @app.task(retry=ONCE)
    async def leaves() -> None:
        asyncio.get_running_loop().call_soon(leave)
        await asyncio.sleep(0.3)

    @app.task(retry=ONCE)
    async def neighbour() -> int:
        await asyncio.sleep(0.1)
        return 1

    beside, handle = neighbour.enqueue(), leaves.enqueue()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGHUP)}
    try:
        assert serve(app, WorkerOptions(burst=True)) == 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert beside.result(timeout=1) == 1
    assert (handle.status() == "dead") == (loop == "asyncio")
    asyncio.run(app.close())


async def test_a_thread_is_made_though_a_task_took_the_hook_for_errors(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # put back at the end

    @app.task(retry=ONCE)
    async def takes() -> None:
        sys.excepthook = None  # type: ignore[assignment]  # the fault under test
        await in_thread.aenqueue()

    @app.task(retry=ONCE)
    def in_thread() -> int:
        done.append(1)
        return 1

    done: list[int] = []
    await takes.aenqueue()
    await burst(app)
    assert done == [1]


async def test_a_loop_gets_its_task_factory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()

    def own(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Future[Any]:
        return asyncio.Task(coroutine, loop=loop, **options)

    monkeypatch.setattr(forks.this_process, "descriptors", {})
    loop.set_task_factory(own)
    try:
        contain(loop)
        contain(loop)
        assert len(forks.this_process.descriptors) == 1  # that of the loop
        assert loop.get_task_factory() is not own
        assert await asyncio.create_task(asyncio.sleep(0, "through both")) == "through both"
        release(loop)
        assert loop.get_task_factory() is not own
        release(loop)
        assert loop.get_task_factory() is own
        assert forks.this_process.descriptors == {}
    finally:
        loop.set_task_factory(None)
