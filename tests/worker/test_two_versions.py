"""A child process loads the code that lies on the disk, which may be newer than its worker's."""

from __future__ import annotations

import importlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType

import pytest

from dutiful import App, Retry
from dutiful.core.event import ArgumentsUnfit, TaskUnknown
from tests.worker.support import Events, burst, errors, stored

CODE = """
from dutiful import App, Retry

app = App()
once = Retry(max_attempts=1)
"""
OLD = f"""{CODE}
@app.task(cpu=True, retry=once)
def crunch(number: int) -> int:
    return number
"""
Load = Callable[[str], ModuleType]


@pytest.fixture
async def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Load]:
    """Write a module, import it and open its app; that of the last one is closed at the end."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    loaded: list[ModuleType] = []

    def write(code: str) -> ModuleType:
        (tmp_path / "rolling.py").write_text(code)
        if not loaded:
            importlib.invalidate_caches()
            loaded.append(importlib.import_module("rolling"))
            loaded[0].app.at(f"sqlite:///{tmp_path}/jobs.db")
        return loaded[0]

    yield write
    await loaded[0].app.close()
    del sys.modules["rolling"]


async def test_a_task_that_newer_code_lacks_is_parked(load: Load) -> None:
    module = load(OLD)
    events = Events(module.app)
    handle = await module.crunch.aenqueue(1)
    load(CODE)
    await burst(module.app)
    job = await stored(module.app, handle.id)
    assert (job.state.word, job.reason, job.attempt) == ("scheduled", "unknown-task", 0)
    assert [event.task for event in events.of(TaskUnknown)] == [job.task]


async def test_a_task_whose_module_is_gone_is_parked(load: Load, tmp_path: Path) -> None:
    module = load(OLD)
    handle = await module.crunch.aenqueue(1)
    (tmp_path / "rolling.py").unlink()
    await burst(module.app)
    job = await stored(module.app, handle.id)
    assert (job.state.word, job.reason, job.attempt) == ("scheduled", "unknown-task", 0)


@pytest.mark.parametrize("lost", ["the folder", "what it imports"])
async def test_a_module_that_is_there_and_cannot_be_imported_is_told_at_once(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    module = load(OLD)
    handle = await module.crunch.aenqueue(1)
    if lost == "the folder":
        monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(tmp_path)])
    else:
        load("import no_such_module")
    await burst(module.app)
    assert (await stored(module.app, handle.id)).state.word == "dead"
    [error] = await errors(module.app, handle.id)
    assert error.type == "ModuleNotFoundError"


async def test_arguments_that_newer_code_does_not_take_are_told(load: Load) -> None:
    module = load(OLD)
    events = Events(module.app)
    handle = await module.crunch.aenqueue(1)
    load(OLD.replace("number", "quantity"))
    await burst(module.app)
    job = await stored(module.app, handle.id)
    assert (job.state.word, job.reason, job.attempt) == ("scheduled", "bad-payload", 0)
    assert [event.job_id for event in events.of(ArgumentsUnfit)] == [handle.id]


async def test_a_task_that_no_child_could_find_is_told_at_once(sqlite: App) -> None:
    @sqlite.task(cpu=True, retry=Retry(max_attempts=1))
    def inside() -> None: ...

    handle = await inside.aenqueue()
    await burst(sqlite)
    assert (await stored(sqlite, handle.id)).state.word == "dead"
    [error] = await errors(sqlite, handle.id)
    assert "belongs at the top level of its module" in error.message
