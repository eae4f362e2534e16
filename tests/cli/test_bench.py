"""The benchmark runs whole, small, and prints every figure that it promises."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Place, Run

FIGURES = {
    "engine",
    "jobs",
    "enqueue_one_per_s",
    "enqueue_one_ratio",
    "enqueue_100_callers_per_s",
    "enqueue_many_per_s",
    "consume_per_s",
    "consume_sync_per_s",
    "consume_two_workers_per_s",
    "consume_with_backlog_per_s",
    "backlog_ratio",
    "pickup_ms_p50",
    "pickup_ms_p99",
    "cpu_s_per_1000_jobs",
    "rss_mb",
    "idle_cpu_share",
    "idle_rss_mb",
    "limit_commit_per_s",
    "limit_insert_per_s",
    "limit_lifecycle_per_s",
}


def test_a_small_run_prints_every_figure(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dutiful", "bench", "--jobs", "400", "--backlog", "500"]
    ended = subprocess.run(
        [*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(ended.stdout)
    assert set(figures) == FIGURES
    assert all(figures[name] >= 0 for name in FIGURES - {"engine"})
    assert figures["enqueue_100_callers_per_s"] > 0


def test_figures_are_lines_for_people(run: Run) -> None:
    said = run("bench", "--jobs", "100")
    assert said.code == 0
    first, *lines = said.out.splitlines()
    assert first.split() == ["figure", "here"]
    assert [text.split() for text in lines[:2]] == [["engine", "sqlite"], ["jobs", "100"]]
    assert any(text.startswith("consume/s ") for text in lines)


@pytest.mark.parametrize("url", ["memory://", "MEMORY:", " memory:"])
def test_memory_has_no_second_process(tmp_path: Path, url: str) -> None:
    command = [sys.executable, "-m", "dutiful", "bench", "--engine", url]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "sqlite:///FILE" in ended.stderr


def test_a_store_with_work_of_its_own_is_left_alone(place: Place, run: Run) -> None:
    before = run("queues", "list", "--json").json
    said = run("bench", "--engine", "sqlite:///jobs.db", "--jobs", "100")
    assert said.code == 2
    assert "jobs to run" in said.err
    after = run("queues", "list", "--json").json
    assert [queue["counts"] for queue in after] == [queue["counts"] for queue in before]


def test_a_server_that_is_away_is_told_as_ever(run: Run) -> None:
    said = run("bench", "--engine", "postgresql://me:hunter@127.0.0.1:1/x", "--jobs", "100")
    assert (said.code, "check that the store is up" in said.err) == (3, True)
    assert "hunter" not in said.err
