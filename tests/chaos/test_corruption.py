"""A damaged file: a clear end, a clear word from the command line, and a way to save the rest."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.kills import load
from tests.chaos.processes import ROOT, Processes, processes

JOBS = 2000
PAGE = 4096


def damage(store: Path, first: int, count: int) -> None:
    """Write over whole pages in the middle of the file."""
    with store.open("r+b") as file:
        file.seek(first * PAGE)
        file.write(bytes(range(256)) * (PAGE // 256) * count)


def stocked(made: Processes) -> Path:
    """Return a closed store with jobs in it, all in the one file."""
    load(made, JOBS, 0, 0)
    made.sql("pragma wal_checkpoint(truncate)")
    return made.store


@pytest.mark.parametrize("where", ["header", "pages"])
def test_a_damaged_file_is_told_of(tmp_path: Path, where: str) -> None:
    with processes(tmp_path) as made:
        store = stocked(made)
        pages = store.stat().st_size // PAGE
        damage(store, *((0, 1) if where == "header" else (2, pages - 3)))
        made.start()
        (member,) = made.workers
        assert member.process.wait(30) == 3, member.output()
        assert "Traceback" not in member.output()
        wanted = "not an SQLite database" if where == "header" else "damaged"
        assert wanted in member.output()
        checked = made.cli("check")
        assert checked.returncode in (1, 3), checked.stdout
        print(checked.stdout, checked.stderr)


def rescue() -> str:
    """Return the script that the page shows."""
    page = (ROOT / "docs" / "reliability.md").read_text()
    (script,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return str(script)


def saved(folder: Path) -> int:
    """Run what was saved, and return how many jobs came through."""
    with processes(folder / "new", "--burst") as made:
        shutil.copy(folder / "saved.db", made.store)
        found = json.loads(made.cli("check", "--json").stdout)
        # No worker runs yet, and jobs are queued.
        assert {one["name"] for one in found if not one["ok"]} <= {"queues"}
        made.start()
        assert made.workers[0].process.wait(60) == 0, made.workers[0].output()
        return made.states()["succeeded"]


def recovers() -> bool:
    """Whether there is an sqlite3 command, and it can recover at all: some are built without."""
    if shutil.which("sqlite3") is None:
        return False
    words = ("sqlite3", ":memory:", "create table a (b);", "insert into a values (7);", ".recover")
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    return "7" in done.stdout and not done.stderr


@pytest.mark.parametrize("tool", ["python", "sqlite3"])
def test_what_is_left_can_be_saved(tmp_path: Path, tool: str) -> None:
    if tool == "sqlite3" and not recovers():
        pytest.skip("peer: no sqlite3 command that was built with .recover")
    (tmp_path / "new").mkdir()
    with processes(tmp_path) as made:
        store = stocked(made)
        damage(store, store.stat().st_size // PAGE // 2, 3)
        assert made.cli("check").returncode in (1, 3)
        if tool == "python":
            (tmp_path / "rescue.py").write_text(rescue())
            command = [sys.executable, "rescue.py"]
            environment = {"DUTIFUL_URL": ""}
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
            )
            print(done.stdout)
        else:
            words = 'sqlite3 jobs.db ".recover" | sqlite3 saved.db'
            done = subprocess.run(
                ["sh", "-c", words], cwd=tmp_path, capture_output=True, text=True, timeout=60
            )
        assert done.returncode == 0, done.stderr
    through = saved(tmp_path)
    print(f"{through} of {JOBS} jobs saved")
    assert through > JOBS * 0.5
