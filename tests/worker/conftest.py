"""Apps on a store of each test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dutiful import App
from tests.worker import isolated, talkative
from tests.worker import jobs as cpu
from tests.worker import reused as leaving
from tests.worker import traces as changing
from tests.worker import wrapped as twins


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
    async with _marking(cpu.app, tmp_path, monkeypatch) as app:
        yield app


@pytest.fixture
async def isolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """The app of `tests.worker.isolated`, whose tasks reach beyond their own job."""
    async with _marking(isolated.app, tmp_path, monkeypatch) as app:
        yield app


@pytest.fixture
async def talking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """The app of `tests.worker.talkative`, whose tasks log."""
    async with _marking(talkative.app, tmp_path, monkeypatch) as app:
        yield app


@pytest.fixture
async def reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """The app of `tests.worker.reused`, whose tasks leave something in their child process."""
    async with _marking(leaving.app, tmp_path, monkeypatch) as app:
        yield app


@pytest.fixture
async def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """The app of `tests.worker.traces`, whose tasks change their process as a whole."""
    async with _marking(changing.app, tmp_path, monkeypatch) as app:
        yield app


@pytest.fixture
async def wrapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """The app of `tests.worker.wrapped`, whose tasks raise the same in two places."""
    async with _marking(twins.app, tmp_path, monkeypatch) as app:
        yield app


@asynccontextmanager
async def _marking(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """Open an app of a module, whose tasks leave marks in a folder; forget its hooks at the end."""
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    app.at(f"sqlite:///{tmp_path}/jobs.db")
    async with app:
        yield app
    for hooks in (app.hooks.around_attempt, app.hooks.around_call, app.hooks.on_death):
        hooks.clear()


@pytest.fixture(autouse=True)
def _no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test that serves in its own process outlive that: the end is for whole processes."""
    monkeypatch.setattr("dutiful.worker.serve.end_process", lambda code, clean: code)
    monkeypatch.setattr("dutiful.worker.serve.limit_end", lambda code: None)
    monkeypatch.setattr("dutiful.worker.serve.end_on_signal", lambda code: None)
