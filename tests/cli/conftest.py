"""A store with a job in every state, and the command line to look at it with."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from dutiful.cli.main import app
from tests.cli import shop


class Said(NamedTuple):
    """What a command line answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """The error on stderr as JSON."""
        return json.loads(self.err)["error"]


class Place(NamedTuple):
    """A folder with a store, an app's module and ids by state."""

    folder: Path
    ids: dict[str, str]


Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DUTIFUL_") or name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("original")
    return Place(folder, asyncio.run(shop.fill(f"sqlite:///{folder}/jobs.db")))


@pytest.fixture
def place(original: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return a copy of its own for a test, as the current folder, named by DUTIFUL_URL."""
    for path in original.folder.glob("jobs.db"):
        shutil.copy(path, tmp_path)
    (tmp_path / "shop.py").write_text(shop.MODULE.format(url="sqlite:///jobs.db"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUTIFUL_URL", "sqlite:///jobs.db")
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("shop", "broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return Place(tmp_path, original.ids)


@pytest.fixture
def crowd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a store with 250 dead letters the current folder's."""
    asyncio.run(shop.fill_dead(f"sqlite:///{tmp_path}/jobs.db", 250))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUTIFUL_URL", "sqlite:///jobs.db")
    return tmp_path


@pytest.fixture
def run() -> Run:
    """Run a command line in this process."""

    def invoke(*words: str, answer: str = "") -> Said:
        result = CliRunner().invoke(app, list(words), input=answer, prog_name="dutiful")
        return Said(result.exit_code, result.stdout, result.stderr)

    return invoke


@pytest.fixture
def spawn() -> Run:
    """Run a command line in a process of its own."""

    def start(*words: str, **environ: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "dutiful", *words],
            capture_output=True,
            text=True,
            env={**os.environ, **environ},
            timeout=50,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return start
