"""``dutiful queues``, ``workers``, ``migrate`` and ``check``."""

import contextlib
import re
import sqlite3
from pathlib import Path

import pytest
from rich.console import Console

from dutiful.cli import render
from dutiful.contract.page import Finding
from dutiful.engines._sql.migrations import Migration
from dutiful.engines.sqlite import session
from dutiful.engines.sqlite.statements import shipped
from tests.cli.conftest import Place, Run
from tests.cli.shop import WORKER


def test_queues(place: Place, run: Run) -> None:
    said = run("queues", "list")
    assert said.code == 0
    assert "paused" in said.out.splitlines()[-1]
    queues = {queue["queue"]: queue for queue in run("queues", "list", "--json").json}
    assert set(queues) == {"billing", "default", "mail"}
    assert queues["mail"]["paused"] is True
    assert queues["billing"]["counts"] == {
        "scheduled": 2, "queued": 1, "running": 1, "waiting": 1,
        "succeeded": 1, "dead": 3, "cancelled": 1,
    }  # fmt: skip
    assert set(queues["mail"]) == {
        "queue", "paused", "paused_at", "oldest_queued_at", "due", "counts",
    }  # fmt: skip


def test_pause_and_resume(place: Place, run: Run) -> None:
    assert "dutiful queues resume billing" in run("queues", "pause", "billing").out
    said = run("queues", "pause", "billing", "--json").json
    assert said == {"queue": "billing", "paused": True, "known": True}
    assert run("queues", "resume", "billing").code == 0
    paused = [queue["queue"] for queue in run("queues", "list", "--json").json if queue["paused"]]
    assert paused == ["mail"]
    assert run("queues", "pause", "no good").code == 2


def test_a_queue_that_nothing_knows_is_told(place: Place, run: Run) -> None:
    said = run("queues", "pause", "biling")
    assert said.code == 0
    assert "No job is in a queue biling" in said.out
    assert "did you mean billing?" in said.out
    assert run("queues", "pause", "biling", "--json").json["known"] is False
    assert run("queues", "resume", "biling", "--json").json["known"] is True
    assert run("queues", "resume", "biling", "--json").json["known"] is False
    assert "No job" not in run("queues", "pause", "default").out  # a worker serves it


def test_workers(place: Place, run: Run) -> None:
    assert WORKER in run("workers", "list").out
    (worker,) = run("workers", "list", "--json").json
    assert (worker["id"], worker["slots"], worker["running"]) == (WORKER, 4, 1)
    assert worker["lost"] is False
    assert set(worker) == {
        "id", "host", "pid", "version", "queues", "slots", "running", "joined_at", "renewed_at",
        "silent_for", "lease", "hangs_for", "alive", "lost", "state", "ordered", "report",
        "unreadable",
    }  # fmt: skip


def test_empty_screens_say_what_next(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = ["--url", "sqlite:///new.db"]
    assert run("migrate", *url).code == 0
    for words in (["jobs", "list"], ["queues", "list"], ["workers", "list"], ["dead", "list"]):
        said = run(*words, *url)
        assert said.code == 0
        assert "sqlite:///new.db" in said.out
    assert "dutiful worker" in run("workers", "list", *url).out


def test_migrate(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = ["--url", "sqlite:///new.db", "--json"]
    missing = run("migrate", "--dry-run", *url).json
    assert missing["dry_run"] is True
    assert missing["migrations"]
    assert run("migrate", *url).json == {**missing, "dry_run": False}
    assert run("migrate", *url).json["migrations"] == []
    assert "is up to date" in run("migrate", *url[:2]).out


def test_check(place: Place, run: Run) -> None:
    said = run("check")
    assert said.code == 0, said
    findings = run("check", "--json").json
    assert findings
    assert all(set(finding) == {"name", "ok", "text"} for finding in findings)


def test_check_sees_a_worker_whose_lease_is_over(place: Place, run: Run) -> None:
    with contextlib.closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
        connection.execute("UPDATE dutiful_worker SET lease = 1")
    said = run("check")
    assert said.code == 1
    assert "0 workers alive, 1 silent for longer than their lease" in said.out
    # A retry of billing's is due at once or a moment later.
    told = r"is alive, and jobs wait in billing \([12] due\), default \(1 due\); start one"
    assert re.search(told, said.out)
    assert "lease is over" in run("workers", "list").out
    (worker,) = run("workers", "list", "--json").json
    assert (worker["alive"], worker["lost"]) == (False, False)


def test_check_sees_due_jobs_that_nobody_has_looked_for(place: Place, run: Run) -> None:
    """Only a worker of their queue makes delayed jobs queued."""
    with contextlib.closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
        connection.execute("DELETE FROM dutiful_worker")
        connection.execute("DELETE FROM dutiful_job WHERE state IN (1, 2)")
        connection.execute("UPDATE dutiful_job SET run_at = 9999999999999999 WHERE state < 4")
        said = run("check")
        assert said.code == 0, said
        assert "0 workers alive" in said.out
        assert "no queue holds due jobs" in said.out
        connection.execute("UPDATE dutiful_job SET run_at = 1 WHERE state = 3")
    said = run("check")
    assert said.code == 1
    assert "no worker is alive, and jobs wait in billing (1 due)" in said.out
    assert "start one with -Q billing" in said.out
    queues = {queue["queue"]: queue for queue in run("queues", "list", "--json").json}
    assert (queues["billing"]["due"], queues["billing"]["counts"]["queued"]) == (1, 0)
    assert queues["billing"]["oldest_queued_at"].startswith("1970")
    assert run("queues", "pause", "billing").code == 0
    said = run("check")
    assert said.code == 0
    assert "only paused queues hold due jobs" in said.out


def test_unsupported_names_the_engine(run: Run) -> None:
    said = run("migrate", "--url", "memory://")
    assert said.code == 2
    assert "the memory engine cannot migrate a schema" in said.err


def test_migrate_prints_the_sql_that_is_missing(tmp_path: Path, run: Run) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    said = run("migrate", "--sql", "--url", url)
    assert said.code == 0
    assert "CREATE TABLE dutiful_job" in said.out
    assert "dutiful_job" in run("migrate", "--sql", "--json", "--url", url).json["sql"]
    assert run("migrate", "--url", url).code == 0
    assert run("migrate", "--sql", "--url", url).out.startswith("-- ")


def test_migrate_says_what_is_held_back(
    place: Place, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "CREATE TABLE planted (x);\n"
    plant = Migration(9998, "9998_wider", text), Migration(9999, "9999_slim.contract", text * 2)
    monkeypatch.setattr(session, "shipped", lambda: (*shipped(), *plant))
    with contextlib.closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
        connection.execute("UPDATE dutiful_worker SET version = 'older', lost = 0")
    asked = run("migrate", "--dry-run", "--json").json
    assert asked == {"migrations": [plant[0].name], "held": [plant[1].name], "dry_run": True}
    said = run("migrate")
    assert said.code == 0
    assert said.out.splitlines()[:2] == ["applied  9998_wider", "held back  9999_slim.contract"]
    assert "--contract" in said.out
    assert "planted" not in run("migrate", "--sql").out
    assert "9999_slim" in run("migrate", "--sql", "--contract").out
    assert "would apply  9999_slim.contract" in run("migrate", "--dry-run", "--contract").out


def test_a_long_name_leaves_room_for_what_was_found() -> None:
    table = render.findings([Finding("n" * 100, ok=False, text="it is late; does a worker run?")])
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table)
    (row,) = capture.get().splitlines()[1:]
    assert row.startswith("bad  nnn")
    assert "late" in row
