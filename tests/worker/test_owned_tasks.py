"""A job cancels what is its own on the loop, and neither the worker's tasks nor other jobs'."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from dutiful import App, Retry
from dutiful.core.state import State
from tests.until import until
from tests.worker import isolated
from tests.worker.support import ended, errors, marks, process, serving

WORKER = ("dutiful", "worker", "tests.worker.isolated:app", "-c", "4")


async def test_who_cancels_all_tasks_ends_itself_alone(isolation: App, tmp_path: Path) -> None:
    name = str(tmp_path / "go on")
    neighbours = [await isolated.wait_in_a_group.aenqueue(name) for _ in range(2)]
    with process(*WORKER, path=tmp_path) as worker:
        await until(lambda: len(marks(tmp_path)) == 2)
        hostile = await ended(isolation, (await isolated.cancel_all.aenqueue()).id)
        assert hostile.state is State.DEAD
        assert [one.type for one in await errors(isolation, hostile.id)] == ["CancelledError"]
        Path(name).touch()  # noqa: ASYNC240 - the word to the jobs
        for neighbour in neighbours:
            assert await neighbour.aresult(timeout=60) == 3
        assert await (await isolated.echo.aenqueue(1)).aresult(timeout=60) == 1
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0


@pytest.mark.parametrize("code", [0, 2])
async def test_a_supervisor_outlives_a_task_that_ends_its_process(
    isolation: App, tmp_path: Path, code: int
) -> None:
    with process(*WORKER, "-p", "2", path=tmp_path) as supervisor:
        lost = await ended(isolation, (await isolated.end_the_process.aenqueue(code)).id)
        assert (lost.state, lost.reason) == (State.DEAD, "worker-lost")
        assert await (await isolated.echo.aenqueue(1)).aresult(timeout=60) == 1
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(60) == 0


async def test_what_is_left_of_a_job_may_be_cancelled_by_the_next(app: App) -> None:
    left = list[asyncio.Task[bool]]()
    refused = list[bool]()
    go_on = asyncio.Event()

    @app.task
    async def leave() -> None:
        left.append(asyncio.create_task(asyncio.Event().wait()))
        await go_on.wait()

    @app.task
    async def close() -> None:
        refused.append(left[0].cancel())

    async with serving(app):
        first = await leave.aenqueue()
        await until(lambda: left)
        await (await close.aenqueue()).aresult(timeout=60)
        go_on.set()
        await first.aresult(timeout=60)
        await (await close.aenqueue()).aresult(timeout=60)
        await asyncio.wait(left, timeout=60)
    assert refused == [False, True]
    assert left[0].cancelled()


async def test_a_timeout_ends_a_job_that_started_as_another_ended(app: App) -> None:
    @app.task
    async def short() -> None:
        await asyncio.sleep(0)

    @app.task(timeout="100ms", retry=Retry(max_attempts=1))
    async def long() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())

    await app.aenqueue_many([short.job(), long.job(), short.job(), long.job()])
    job = await long.aenqueue()
    async with serving(app, concurrency=1):
        assert (await ended(app, job.id)).state is State.DEAD
    assert [one.type for one in await errors(app, job.id)] == ["TimeoutError"]
