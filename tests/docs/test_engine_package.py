"""The package that the engines' guide shows is an engine, from outside the repository."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks
from tests.installed_package import install

GUIDE = ROOT / "docs" / "guides" / "engines.md"
URL = "jsonfile:///jobs.json"
SHOP = """
from pathlib import Path
from dutiful import App

app = App()

@app.task
def charge(order: int) -> None:
    Path(f"charged-{order}").touch()

@app.task(cpu=True)
def report() -> None:
    Path("reported-in-a-child").touch()
    charge.enqueue(3)
"""
ENQUEUE = """
import shop
shop.app.enqueue_many(shop.charge.job(order) for order in range(3))
shop.report.enqueue()
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Install the guide's package beside a folder to work in, and run commands there."""
    shown = {block.note: block.text for block in blocks(GUIDE) if block.note.startswith("file=")}
    project = tomllib.loads(shown["file=pyproject.toml"])["project"]
    module = {"dutiful_jsonfile": shown["file=dutiful_jsonfile.py"]}
    engines = project["entry-points"]["dutiful.engines"]
    install(tmp_path / "site", project["name"], engines, module, project["version"])
    place = tmp_path / "place"
    place.mkdir()
    (place / "pyproject.toml").write_text(shown["file=pyproject.toml"])
    (place / "test_jsonfile.py").write_text(shown["file=test_jsonfile.py"])
    (place / "shop.py").write_text(SHOP)

    def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environ = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        environ |= {"PYTHONPATH": str(tmp_path / "site"), **variables}
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=place,
            env=environ,
            capture_output=True,
            text=True,
            timeout=100,
        )

    return run


def test_the_package_passes_the_suite(run: Run) -> None:
    done = run("pytest", "-q", "-W", "error", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.search(r"(\d+) passed, (\d+) skipped", done.stdout)
    assert counts is not None, done.stdout
    assert int(counts[1]) > 80


def test_the_suite_refuses_what_the_engine_does_not_have(run: Run, tmp_path: Path) -> None:
    module = tmp_path / "site" / "dutiful_jsonfile.py"
    text = module.read_text()
    module.write_text(text.replace("Capability.ORDER,", "Capability.ORDER, Capability.PRUNE,"))
    done = run("pytest", "-q", "-p", "no:cacheprovider", "-k", "has_its_role")
    assert "JsonFileEngine declares PRUNE and has no retention" in done.stdout


def test_a_worker_of_the_command_line_runs_its_jobs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "place" / "add.py").write_text(ENQUEUE)
    added = run("add", DUTIFUL_URL=URL)
    assert added.returncode == 0, added.stderr
    done = run("dutiful", "worker", "shop:app", "--url", URL, "--burst")
    assert done.returncode == 0, done.stderr
    made = sorted(path.name.partition("-")[0] for path in (tmp_path / "place").glob("*ed-*"))
    assert made == [*["charged"] * 4, "reported"], done.stderr
    checked = run("dutiful", "check", "--url", URL)
    assert (checked.returncode, "5 jobs" in checked.stdout) == (0, True), checked.stdout


def test_what_it_cannot_do_is_said(run: Run) -> None:
    run("dutiful", "worker", "shop:app", "--url", URL, "--burst")
    listed = run("dutiful", "jobs", "list", "--url", URL)
    assert "the jsonfile engine cannot list and look up jobs" in listed.stderr
    copied = run("dutiful", "copy", URL, "sqlite:///new.db")
    assert "the jsonfile engine cannot be read out for a copy" in copied.stderr


def test_a_broken_package_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "site" / "dutiful_jsonfile.py").write_text("import no_such_driver\n")
    done = run("dutiful", "check", "--url", "jsonfile://me:hunter2@host/x")
    assert done.returncode == 2
    assert "jsonfile:// from dutiful-jsonfile 0.1 cannot be loaded" in done.stderr
    assert "No module named 'no_such_driver'" in done.stderr
    assert "hunter2" not in done.stderr
