"""What a stop leaves to the jobs that still run: time to clean up, and the record of a step."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from dutiful import App, Context, Retry
from dutiful.core.event import JobDied, WorkerLeft
from dutiful.core.instant import SECOND
from dutiful.worker.attempt import Running
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.until import until
from tests.worker.support import Events, burst, serving, stored

FOREVER = 3600


@pytest.fixture
def all_for_cleanup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupt jobs when the stop is requested, and give them the whole grace to clean up."""
    monkeypatch.setattr("dutiful.worker.grace._CLEANUP_SHARE", 1)


@pytest.mark.usefixtures("all_for_cleanup")
async def test_an_async_job_gets_time_to_clean_up(app: App) -> None:
    events, begun, cleaned = Events(app), asyncio.Event(), list[bool]()

    @app.task
    async def long() -> None:
        begun.set()
        try:
            await asyncio.sleep(FOREVER)
        finally:
            await asyncio.sleep(1)  # more than the least time
            cleaned.append(not events.of(WorkerLeft))

    handle = await long.aenqueue()
    async with serving(app, grace=4 * SECOND):
        await begun.wait()
    assert cleaned == [True]
    job = await stored(app, handle.id)
    assert (job.state.word, job.attempt) == ("queued", 0)


@pytest.mark.usefixtures("all_for_cleanup")
async def test_a_thread_gets_the_same_time_to_look(app: App) -> None:
    begun, cleaned = threading.Event(), list[bool]()

    @app.task
    def long(ctx: Context) -> None:
        begun.set()
        while not ctx.cancelled:
            time.sleep(0.01)
        time.sleep(1)
        cleaned.append(True)
        ctx.check_cancelled()

    handle = await long.aenqueue()
    async with serving(app, grace=4 * SECOND):
        await until(begun.is_set)
    assert cleaned == [True]
    job = await stored(app, handle.id)
    assert (job.state.word, job.attempt) == ("queued", 0)


@pytest.mark.usefixtures("all_for_cleanup")
async def test_a_step_that_has_run_is_recorded_before_the_job_is_interrupted(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects, first = list[str](), [False, True]
    recording, may_record = asyncio.Event(), asyncio.Event()

    async def effect() -> str:
        effects.append("charged")
        return "receipt"

    @app.task
    async def pay(ctx: Context) -> str:
        receipt = await ctx.step("charge", effect)
        if first.pop():
            await asyncio.sleep(FOREVER)
        return receipt

    handle = await pay.aenqueue()
    record = app.store.consumer.record_step

    async def slowly(*given: Any) -> bool:
        recording.set()
        await may_record.wait()
        return await record(*given)

    async with serving(app, grace=4 * SECOND) as worker:
        monkeypatch.setattr(app.store.consumer, "record_step", slowly)
        await recording.wait()
        registration = worker._registration
        assert registration is not None
        [running] = registration.executor.running.values()
        worker.stop()
        await until(lambda: running.why == "shutdown")
        may_record.set()
    assert (await stored(app, handle.id)).attempt == 0
    await burst(app)
    assert await handle.aresult() == "receipt"
    assert effects == ["charged"]


async def test_a_lost_claim_does_not_wait_for_a_record(app: App) -> None:
    begun, stopped = asyncio.Event(), list[Running]()

    @app.task
    async def long() -> None:
        begun.set()
        await asyncio.sleep(FOREVER)

    await long.aenqueue()
    async with serving(app, grace=0) as worker:
        await begun.wait()
        registration = worker._registration
        assert registration is not None
        [running] = registration.executor.running.values()
        stop, running.stop = running.stop, stopped.append
        running.recording = 1
        running.interrupt("lost")
        assert stopped == [running]
        assert stop is not None
        stop(running)


async def test_a_death_hook_that_hangs_gets_what_is_left_of_the_grace(app: App) -> None:
    begun = asyncio.Event()

    @app.on_death
    async def hang(died: JobDied) -> None:
        begun.set()
        await asyncio.sleep(FOREVER)

    @app.task(retry=Retry(max_attempts=1))
    async def fail() -> None:
        raise ValueError

    await fail.aenqueue()
    worker = Worker(app, WorkerOptions(burst=True, grace=60 * SECOND))
    worker._asked_at = asyncio.get_running_loop().time() - 120
    started = time.monotonic()
    await worker.run()
    assert begun.is_set()
    assert time.monotonic() - started < 30
