"""What a handle tells about its job, from sync and async code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from dutiful import (
    App,
    BadOption,
    BadPayload,
    Cancel,
    Context,
    EngineUnavailable,
    JobFailed,
    JobNotFound,
    ResultTimeout,
    Retry,
)
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

ONCE = Retry(max_attempts=1)


@pytest.fixture
def served(sync_app: App) -> Iterator[App]:
    """An app with a worker on a loop and a thread of its own."""
    worker = Worker(sync_app, WorkerOptions(grace=0, poll=0.05))

    @sync_app.task
    def tomorrow(day: date) -> date:
        return date.fromordinal(day.toordinal() + 1)

    @sync_app.task(retry=ONCE)
    async def fails() -> None:
        raise LookupError("not there")

    @sync_app.task
    async def long() -> None:
        await asyncio.sleep(60)

    @sync_app.task
    async def lies() -> int:
        return "text"  # type: ignore[return-value]  # wrong on purpose

    thread = threading.Thread(target=lambda: asyncio.run(worker.run()))
    thread.start()
    yield sync_app
    worker.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_sync_code_waits_for_results(served: App) -> None:
    handle = served.find("tomorrow").enqueue(date(2030, 12, 31))
    assert handle.result(timeout=60) == date(2031, 1, 1)
    assert (handle.status(), handle.job().attempt, handle.created) == ("succeeded", 1, True)
    assert repr(handle) == f"<Handle {handle.id}>"
    assert not handle.cancel()
    again = served.find("tomorrow").handle(handle.id)
    assert again.result(timeout=1) == date(2031, 1, 1)


def test_failures_come_with_their_last_error(served: App) -> None:
    handle = served.find("fails").enqueue()
    with pytest.raises(JobFailed, match=r"attempts-spent.*LookupError: not there") as caught:
        handle.result(timeout=60)
    assert (caught.value.state, caught.value.job_id) == ("dead", handle.id)


def test_a_wait_ends_and_the_job_goes_on(served: App) -> None:
    handle = served.find("long").enqueue()
    with pytest.raises(ResultTimeout, match=r"0\.05 s"):
        handle.result(timeout=0.05)
    assert handle.cancel()
    with pytest.raises(JobFailed, match="cancelled"):
        handle.result(timeout=60)


def test_a_result_that_is_not_as_annotated_is_said(served: App) -> None:
    handle = served.find("lies").enqueue()
    with pytest.raises(BadPayload, match="Expected `int`"):
        handle.result(timeout=60)


def test_a_job_that_is_not_there(sync_app: App) -> None:
    @sync_app.task
    def note() -> None: ...

    handle = note.handle("01990000-0000-7000-8000-000000000000")
    for ask in (handle.job, handle.status, handle.result):
        with pytest.raises(JobNotFound, match="pruned"):
            ask()
    assert not handle.cancel()


async def test_async_code_has_the_same(app: App) -> None:
    @app.task
    async def double(number: int) -> int:
        return number * 2

    handle = await double.aenqueue(4)
    assert await handle.astatus() == "queued"
    await Worker(app, WorkerOptions(burst=True)).run()
    assert await handle.aresult() == 8
    assert (await handle.ajob()).state.word == "succeeded"
    assert not await handle.acancel()
    with pytest.raises(JobNotFound):
        await double.handle("nowhere").aresult()


async def test_a_cancelled_job_does_not_blame_an_error_of_before(app: App) -> None:
    @app.task(retry=Retry(max_attempts=5, delay="1h"))
    async def bad(ctx: Context) -> None:
        raise ValueError(f"bad {ctx.attempt}")

    @app.task(retry=Retry(max_attempts=5, delay=0, jitter="none"))
    async def gives_up(ctx: Context) -> None:
        if ctx.attempt == 1:
            raise ValueError("bad 1")
        raise Cancel("enough")

    @app.task
    async def both() -> None:
        raise ExceptionGroup("both", [Cancel("enough"), ValueError("beside")])

    cancelled, given_up = await bad.aenqueue(), await gives_up.aenqueue()
    group = await both.aenqueue()
    await Worker(app, WorkerOptions(burst=True)).run()
    assert await cancelled.acancel()
    for handle, said in (
        (cancelled, r"is cancelled \(cancelled\)$"),
        (given_up, r"is cancelled \(enough\)$"),
        (group, r"is cancelled \(enough\): .*beside"),
    ):
        assert await app.store.inspector.errors(handle.id)
        with pytest.raises(JobFailed, match=said):
            await handle.aresult(timeout=0)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_wait_that_ends_in_an_outage_says_so(
    app: App, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    """The job may have ended: nobody could look."""

    @app.task
    def later() -> None: ...

    handle = await later.using(delay="1h").aenqueue()
    known, looks = app.store.engine.inspector.get, list[int]()

    async def get(ids: Any) -> Any:
        looks.append(1)
        if len(looks) < 3:
            return await known(ids)
        if silent:
            await asyncio.sleep(3600)
        raise EngineUnavailable("no server answers")

    monkeypatch.setattr(app.store.engine.inspector, "get", get)
    said = "the store has not answered for" if silent else "no server answers"
    with pytest.raises(EngineUnavailable, match=f"{said}.*had not ended when it was last seen"):
        await handle.aresult(timeout=1.2)


@pytest.mark.parametrize("timeout", [0, 0.0, -1, -0.001, 1e-9])
def test_a_result_that_is_there_needs_no_time(served: App, timeout: float) -> None:
    done = served.find("tomorrow").enqueue(date(2030, 12, 31))
    failed = served.find("fails").enqueue()
    done.result(timeout=60)
    with pytest.raises(JobFailed):
        failed.result(timeout=60)
    assert done.result(timeout=timeout) == date(2031, 1, 1)
    with pytest.raises(JobFailed, match="LookupError: not there"):
        failed.result(timeout=timeout)


@pytest.mark.parametrize("timeout", [0, -1, 0.01])
async def test_a_job_that_goes_on_is_not_waited_for(app: App, timeout: float) -> None:
    @app.task
    def later() -> None: ...

    handle = await later.using(delay="1h").aenqueue()
    with pytest.raises(ResultTimeout, match=f"has not ended after {max(timeout, 0):g} s"):
        await handle.aresult(timeout=timeout)
    with pytest.raises(JobNotFound):
        await later.handle("gone").aresult(timeout=timeout)


@pytest.mark.parametrize("timeout", [float("nan"), True, "soon", 1e300])
async def test_a_time_that_is_none_is_refused(app: App, timeout: Any) -> None:
    @app.task
    def later() -> None: ...

    with pytest.raises(BadOption, match="timeout: "):
        await later.handle("any").aresult(timeout=timeout)
