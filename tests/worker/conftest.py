"""Apps on a store of each test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dutiful import App
from tests.worker import isolated
from tests.worker import jobs as cpu


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[App]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/jobs.db"
    async with App(url) as made:
        yield made


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[App]:
    async with App(f"sqlite:///{tmp_path}/jobs.db") as made:
        yield made


@pytest.fixture
async def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """The app of `tests.worker.jobs`, whose tasks child processes can import."""
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    cpu.app.at(f"sqlite:///{tmp_path}/jobs.db")
    async with cpu.app:
        yield cpu.app
    cpu.app.hooks.around_attempt.clear()
    cpu.app.hooks.on_death.clear()


@pytest.fixture
async def isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """The app of `tests.worker.isolated`, whose tasks reach beyond their own job."""
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    isolated.app.at(f"sqlite:///{tmp_path}/jobs.db")
    async with isolated.app:
        yield isolated.app
    isolated.app.hooks.around_attempt.clear()
    isolated.app.hooks.around_call.clear()
    isolated.app.hooks.on_death.clear()


@pytest.fixture(autouse=True)
def _no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test that serves in its own process outlive that: the end is for whole processes."""
    monkeypatch.setattr("dutiful.worker.serve.end_process", lambda code, clean: code)
    monkeypatch.setattr("dutiful.worker.serve.limit_end", lambda code: None)
    monkeypatch.setattr("dutiful.worker.serve.end_on_signal", lambda code: None)
