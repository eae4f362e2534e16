"""The comparison with other systems measures, audits and tells what it found."""

from __future__ import annotations

import copy
import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks.peers.marks import Marks, Tally
from benchmarks.peers.table import markdown

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "benchmarks" / "peers"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PEERS / "run.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_quick_run_measures_both(tmp_path: Path) -> None:
    kept = tmp_path / "figures.json"
    ended = run("--quick", "--only", "huey,dutiful-sqlite", "--json", str(kept))
    assert ended.returncode == 0, ended.stderr
    rows = {row["name"]: row for row in json.loads(kept.read_text())["systems"]}
    assert list(rows) == ["huey", "dutiful-sqlite"]
    if rows["huey"].get("missing"):
        pytest.skip(f"peer: huey {rows['huey']['why']}")
    for row in rows.values():
        [measured] = row["runs"]
        for stage in (measured["consume"], measured["consume_two"]):
            assert stage["per_s"] > 0
            assert (stage["lost"], stage["repeated"], stage["left"]) == (0, 0, 0)
        assert measured["one_per_s"] > 0
        assert len(measured["pickup_ms"]) == 20
        assert measured["pickup_ms"][0] > 0
    assert "no such call" in ended.stdout
    assert "Nothing: in every measured run each job ran once" in ended.stdout


def test_a_wrong_name_is_refused() -> None:
    ended = run("--only", "hueys")
    assert ended.returncode == 2
    assert "no system is called 'hueys'; did you mean huey?" in ended.stderr
    assert "dutiful-postgres" in ended.stderr


def test_no_names_are_refused() -> None:
    ended = run("--only", ",")
    assert ended.returncode == 2
    assert "There are: dutiful-postgres" in ended.stderr


def test_a_job_that_ran_in_two_processes_and_one_that_never_ran_are_seen(tmp_path: Path) -> None:
    first, second = Marks(tmp_path / "1.marks"), Marks(tmp_path / "2.marks")
    for number in (0, 1, 1):
        first.hit(number)
    for number in (1, 3):
        second.hit(number)
    tally = Tally(tmp_path)
    starts, repeated = tally.starts(4)
    assert tally.count() == 5
    assert [at > 0 for at in starts] == [True, True, False, True]
    assert repeated == 2


@pytest.fixture
def venvs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    monkeypatch.syspath_prepend(str(PEERS))
    module = importlib.import_module("venvs")
    monkeypatch.setattr(module, "VENVS", tmp_path / "venvs")
    return module


def test_a_missing_interpreter_is_named(
    venvs: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    entry = next(entry for entry in venvs.ROSTER if entry.name == "huey")
    later = type(entry)(**{**vars(entry), "python": (9, 9)})
    with pytest.raises(venvs.Unavailable, match=r"needs Python 9\.9 or newer.*--python PATH"):
        venvs.python_of(later)


def test_every_version_is_pinned_with_hashes(venvs: ModuleType) -> None:
    for entry in venvs.ROSTER:
        assert venvs.version_of(entry)[0].isdigit()
        if not entry.ours:
            assert "--hash=sha256:" in (PEERS / "requirements" / f"{entry.module}.txt").read_text()


def consumed(per_s: float, **faults: int) -> dict[str, Any]:
    cpu = {"worker_cpu_s_per_1000": 0.02, "server_cpu_s_per_1000": 0.01}
    return {"per_s": per_s, **cpu, "settled_s": 0.1, "lost": 0, "repeated": 0, "left": 0, **faults}


def row(title: str, per_s: float, *, ours: bool = False) -> dict[str, Any]:
    runs = [
        {
            "one_per_s": 1000.0,
            "consume": consumed(per_s * share),
            "consume_two": consumed(per_s),
            "pickup_ms": [1.0, 2.0, 3.0, 9.0],
        }
        for share in (0.9, 1, 1.2)
    ]
    known = {"store": "sqlite", "version": "1.2", "settings": "as it comes", "jobs": 1000}
    return {"title": title, "ours": ours, **known, "runs": runs}


FIGURES = {
    "date": "2026-01-02",
    "machine": {"cpu": "X", "cores": 2, "memory_gib": 4, "system": "Linux 6.1"},
    "server": "SQLite alone",
    "runs": 3,
    "sizes": {"seconds": 3, "pickups": 4},
    "systems": [row("Dutiful", 2000, ours=True), row("Rival", 4000)],
}


def lines(figures: dict[str, Any], start: str) -> list[str]:
    return [line for line in markdown(figures).splitlines() if line.startswith(start)]


def test_a_rival_that_wins_is_shown_winning() -> None:
    assert "| **4,000** (3,600-4,800) | 1.00 |" in lines(FIGURES, "| Rival ")[0]
    assert "| 2,000 (1,800-2,400) | 0.50 |" in lines(FIGURES, "| Dutiful ")[0]


def test_what_went_wrong_is_told() -> None:
    figures = copy.deepcopy(FIGURES)
    figures["systems"][1]["runs"][2]["consume_two"] = consumed(4000, lost=3, repeated=1)
    [told] = lines(figures, "- Rival on SQLite")
    assert "run 3, two workers, of 1,000 jobs: 3 never ran, 1 ran again." in told


def test_a_system_that_could_not_be_had_keeps_its_row() -> None:
    figures = copy.deepcopy(FIGURES)
    figures["systems"][1].update(why="needs Python 3.12", runs=[])
    assert "not measured: needs Python 3.12" in lines(figures, "| Rival ")[0]
    assert len({line.count("|") for line in lines(figures, "| ")[:4]}) == 1


def test_a_run_that_failed_takes_no_figures_from_the_others() -> None:
    figures = copy.deepcopy(FIGURES)
    figures["systems"][1].update(failed=["run 2 failed: it hung"])
    figures["systems"][1]["runs"].pop()
    assert "| **3,800** (3,600-4,000) | 1.00 |" in lines(figures, "| Rival ")[0]
    assert lines(figures, "- Rival") == ["- Rival on SQLite: run 2 failed: it hung."]


def test_a_system_is_given_up_after_its_second_failed_run(
    venvs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = importlib.import_module("run")
    tried = []

    class Hung:
        jobs = 7

        def __init__(self, entry: Any, *_: Any) -> None:
            self._name = entry.name

        def prepare(self, sizes: Any) -> dict[str, int]:
            return {"jobs": self.jobs}

        def run(self, sizes: Any) -> dict[str, Any]:
            tried.append(self._name)
            raise bench.Broken("it hung")

        def close(self) -> None: ...

    monkeypatch.setattr(bench, "Bench", Hung)
    monkeypatch.setattr(bench.venvs, "python_of", lambda *_: sys.executable)
    entries = [entry for entry in venvs.ROSTER if entry.name == "huey"]
    [row], _ = bench.measured(entries, bench.QUICK, 5, None)
    assert tried == ["huey", "huey"]
    assert row["failed"] == ["run 1 failed: it hung", "run 2 failed: it hung"]
    assert (row["why"], row["missing"]) == ("run 1 failed: it hung", False)
    assert bench.faulty(row)
