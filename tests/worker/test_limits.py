"""Timeouts and cancellations: asked first, then made to end."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from dutiful import App, Cancel, Context, Discard, Retry, Snooze
from dutiful.core.event import SlotStuck
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from tests.until import until
from tests.worker import jobs as cpu
from tests.worker.support import Events, burst, ended, errors, marks, serving, stored

ONCE = Retry(max_attempts=1)
QUICK = Lease(length=2 * SECOND, heartbeat=SECOND // 10)


async def until_ended_or_put_off(app: App, job_id: str) -> None:
    end = time.monotonic() + 60
    while (await stored(app, job_id)).state.word in ("queued", "running"):
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_an_async_task_is_cancelled_where_it_awaits(app: App) -> None:
    tidied: list[str] = []

    @app.task(timeout="0.1s", retry=ONCE)
    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            tidied.append("yes")

    handle = await slow.aenqueue()
    await burst(app)
    (error,) = await errors(app, handle.id)
    assert (error.type, tidied) == ("TimeoutError", ["yes"])
    assert "0.1 s" in error.message


async def test_a_thread_is_told_and_may_obey(app: App) -> None:
    @app.task(timeout="0.1s", retry=ONCE)
    def asks(ctx: Context) -> None:
        while True:
            ctx.check_cancelled()
            time.sleep(0.01)

    handle = await asks.aenqueue()
    await burst(app)
    job = await stored(app, handle.id)
    assert (job.state.word, job.reason) == ("dead", "attempts-spent")
    assert (await errors(app, handle.id))[0].type == "TimeoutError"


async def test_a_timeout_may_be_one_of_the_errors_not_to_try_again(app: App) -> None:
    @app.task(timeout="0.1s", retry=Retry(never=TimeoutError))
    async def slow() -> None:
        await asyncio.sleep(30)

    handle = await slow.aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).reason == "discarded"


@pytest.mark.parametrize(
    ("signal", "state", "reason"),
    [
        (Discard("too slow"), "dead", "discarded"),
        (Snooze("1h"), "waiting", None),
        (Retry(after="1h"), "scheduled", None),
        (ExceptionGroup("several", [Discard("too slow"), Discard("twice")]), "dead", "discarded"),
        (Cancel("asked to end"), "dead", "attempts-spent"),
        (ExceptionGroup("several", [Cancel("a"), Snooze("1h")]), "dead", "attempts-spent"),
        (ValueError("while tidying up"), "dead", "attempts-spent"),
    ],
    ids=repr,
)
async def test_a_signal_in_answer_to_a_timeout_is_obeyed(
    app: App, signal: Exception, state: str, reason: str | None
) -> None:
    @app.task(timeout="0.1s", retry=ONCE)
    async def slow() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise signal  # noqa: B904 - that it is raised inside of the except is under test

    tries = 2 if state == "scheduled" else 1
    handle = await slow.using(max_attempts=tries).aenqueue()
    async with serving(app):
        await until_ended_or_put_off(app, handle.id)
    job = await stored(app, handle.id)
    assert (job.state.word, job.reason) == (state, reason)
    named = {"scheduled": "Retry", "waiting": None}.get(state, "TimeoutError")
    if reason != "discarded":
        assert [error.type for error in await errors(app, handle.id)] == ([named] if named else [])


@pytest.mark.parametrize("how", ["cancel", "shutdown"])
async def test_a_signal_in_answer_to_another_end_is_not(app: App, how: str) -> None:
    began = asyncio.Event()

    @app.task(retry=ONCE)
    async def slow() -> None:
        try:
            began.set()
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise Discard("too slow")  # noqa: B904 - as above

    handle = await slow.aenqueue()
    async with serving(app, lease=QUICK, grace=SECOND // 10):
        await began.wait()
        if how == "cancel":
            await handle.acancel()
            await ended(app, handle.id)
    job = await stored(app, handle.id)
    assert job.state.word == ("cancelled" if how == "cancel" else "queued")


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_what_ignores_its_timeout_loses_its_slot(app: App, kind: str) -> None:
    events, gate = Events(app), threading.Event()

    @app.task(name="sync", timeout="0.1s", hard_timeout="0.2s", retry=ONCE)
    def sync() -> None:
        gate.wait(60)

    @app.task(name="async", timeout="0.1s", hard_timeout="0.2s", retry=ONCE)
    async def on_loop() -> None:
        while not gate.is_set():
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                continue

    @app.task
    def after() -> str:
        return "ran"

    stuck = await (sync if kind == "sync" else on_loop).aenqueue()
    last = await after.aenqueue()
    worker = await burst(app, concurrency=1)
    assert not worker.clean
    gate.set()
    assert await last.aresult(timeout=1) == "ran"
    assert (await stored(app, stuck.id)).state.word == "dead"
    assert "0.2 s" in (await errors(app, stuck.id))[0].message
    assert [event.isolation for event in events.of(SlotStuck)] == [
        "thread" if kind == "sync" else "loop"
    ]


async def test_a_hard_timeout_alone_ends_a_task(app: App) -> None:
    gate = threading.Event()

    @app.task(hard_timeout="0.2s", retry=ONCE)
    def stuck() -> None:
        gate.wait(60)

    handle = await stuck.aenqueue()
    await burst(app)
    gate.set()
    assert (await errors(app, handle.id))[0].type == "TimeoutError"


@pytest.mark.parametrize("stubborn", [False, True], ids=["interrupted", "killed"])
async def test_a_process_is_interrupted_then_killed(jobs: App, stubborn: bool) -> None:
    handle = await cpu.spin.aenqueue(stubborn)
    after = await cpu.add.aenqueue(1, 2)
    started = time.monotonic()
    await burst(jobs, concurrency=1)
    assert time.monotonic() - started < 20
    job = await stored(jobs, handle.id)
    assert (job.state.word, job.crashes) == ("dead", 0)
    assert (await errors(jobs, handle.id))[0].type == "TimeoutError"
    assert await after.aresult(timeout=1) == 3


async def test_time_does_not_run_while_a_job_waits_for_a_process(
    jobs: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    brief = jobs.task(name="span", cpu=True, timeout="1s", retry=ONCE)(cpu.span.fn)
    try:
        handles = [await brief.aenqueue(0.4) for _ in range(4)]
        await burst(jobs, concurrency=4)
        assert {await handle.astatus() for handle in handles} == {"succeeded"}
    finally:
        jobs.tasks["span"] = cpu.span


def waits(app: App, kind: str) -> Any:
    started = threading.Event()

    @app.task(name="sync")
    def sync(ctx: Context) -> None:
        started.set()
        while not ctx.cancelled:
            time.sleep(0.01)
        ctx.check_cancelled()

    @app.task(name="async")
    async def on_loop() -> None:
        started.set()
        await asyncio.sleep(30)

    @app.task(name="cleans")
    async def cleans() -> None:
        started.set()
        try:
            await asyncio.sleep(30)
        finally:
            raise RuntimeError("while cleaning up")

    return {"sync": sync, "async": on_loop, "cleans": cleans}[kind], started


@pytest.mark.parametrize("kind", ["sync", "async", "cleans"])
async def test_a_running_job_is_cancelled_within_a_heartbeat(app: App, kind: str) -> None:
    task, started = waits(app, kind)
    handle = await task.aenqueue()
    async with serving(app, lease=QUICK):
        await until(started.is_set)
        assert await handle.acancel()
        asked = time.monotonic()
        await ended(app, handle.id)
    assert time.monotonic() - asked < 15
    assert (await stored(app, handle.id)).state.word == "cancelled"


async def test_a_child_process_is_cancelled(jobs: App, tmp_path: Any) -> None:
    handle = await cpu.hold.aenqueue("a")
    async with serving(jobs, lease=QUICK):
        await until(lambda: marks(tmp_path))
        await handle.acancel()
        await ended(jobs, handle.id)
    job = await stored(jobs, handle.id)
    assert (job.state.word, job.crashes) == ("cancelled", 0)


async def test_a_job_cancelled_while_queued_never_starts(app: App) -> None:
    ran: list[int] = []

    @app.task
    def never() -> None:
        ran.append(1)

    handle = await never.aenqueue()
    assert await handle.acancel()
    await burst(app)
    assert (ran, await handle.astatus()) == ([], "cancelled")
    assert not await handle.acancel()


@pytest.mark.parametrize("kind", ["sync", "async", "cleans"])
async def test_a_stop_hands_back_and_cancels_nothing(app: App, kind: str) -> None:
    """A task that answers a deploy with `check_cancelled` must not end its job by it."""
    task, started = waits(app, kind)
    handle = await task.aenqueue()
    async with serving(app, grace=0):
        await until(started.is_set)
    job = await stored(app, handle.id)
    assert (job.state.word, job.attempt, job.crashes) == ("queued", 0, 0)


async def test_an_interruption_before_the_first_line_frees_the_slot(app: App) -> None:
    ran: list[int] = []

    @app.task
    async def never() -> None:
        ran.append(1)

    handle = await never.aenqueue()

    def at_once(event: object) -> None:
        worker = serving_worker[0]
        if type(event).__name__ == "Claimed":
            # Behind the offer of the claims, before the loop runs their first line.
            asyncio.get_running_loop().call_soon(interrupt, worker)

    def interrupt(worker: Any) -> None:
        for running in list(worker._registration.executor.running.values()):
            running.interrupt("shutdown")
        worker.stop()

    serving_worker: list[Any] = []
    app.bus.subscribe(at_once)
    async with serving(app) as worker:
        serving_worker.append(worker)
        await until(lambda: worker._registration is None and worker._stopped())
    assert (await stored(app, handle.id)).state.word == ("succeeded" if ran else "queued")
