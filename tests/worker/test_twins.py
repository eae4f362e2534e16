"""A child process runs the task of its worker's app, also where another app has one of its name."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from dutiful import Retry
from dutiful.worker.serve import load
from tests.worker import twins
from tests.worker.support import burst, environment, errors, stored

TARGETS = {
    "first": "tests.worker.twins:first",
    "second": "tests.worker.twins:second",
    "third": "tests.worker.twins:Shelf.third",
    "fourth": "tests.worker.twins_elsewhere:fourth",
}


@pytest.mark.parametrize("name", TARGETS)
async def test_the_task_of_the_right_app_runs(tmp_path: Path, name: str) -> None:
    app = load(TARGETS[name])
    app.at(f"sqlite:///{tmp_path}/jobs.db")
    async with app:
        handles = [await app.tasks[task].aenqueue() for task in ("crunch", f"only_{name}")]
        await burst(app)
        assert [await handle.aresult(timeout=1) for handle in handles] == [name, name]


@pytest.mark.slow
async def test_it_runs_by_the_command_line(tmp_path: Path) -> None:
    app = load(TARGETS["third"])
    app.at(f"sqlite:///{tmp_path}/jobs.db")
    async with app:
        handle = await app.tasks["crunch"].aenqueue()
        command = [sys.executable, "-m", "dutiful", "worker", TARGETS["third"], "--burst"]
        run = partial(subprocess.run, command, env=environment(tmp_path), check=True, timeout=60)
        await asyncio.to_thread(run)
        assert await handle.aresult(timeout=1) == "third"


async def test_a_task_inside_a_function_is_told_at_once(tmp_path: Path) -> None:
    app = load(TARGETS["second"])
    app.at(f"sqlite:///{tmp_path}/jobs.db")

    @app.task(name="late", cpu=True, retry=Retry(max_attempts=1))
    def late() -> None: ...

    try:
        async with app:
            handle = await late.aenqueue()
            await burst(app)
            assert (await stored(app, handle.id)).state.word == "dead"
            [error] = await errors(app, handle.id)
    finally:
        del app.tasks["late"]
    assert "belongs at the top level of its module" in error.message


async def test_no_other_apps_task_runs_where_an_app_has_no_place(tmp_path: Path) -> None:
    app = twins.make("nameless")
    app.at(f"sqlite:///{tmp_path}/jobs.db")
    async with app:
        handle = await app.tasks["crunch"].aenqueue()
        await burst(app)
        assert (await stored(app, handle.id)).state.word == "dead"
        [error] = await errors(app, handle.id)
    assert "task crunch is another app's in tests.worker.twins" in error.message
