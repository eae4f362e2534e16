"""``dutiful workers quiet|drain|resume``, and ``dutiful check`` as a probe."""

from __future__ import annotations

import contextlib
import sqlite3
import time

import pytest

from dutiful.services.process import host
from tests.cli.conftest import Place, Run
from tests.cli.shop import WORKER


def change(text: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
        text = f"UPDATE dutiful_worker SET {text}"  # noqa: S608 - of this test's own
        connection.execute(text, values)


@pytest.fixture
def alive(place: Place) -> None:
    """Let the lease of the store's worker be a day long."""
    change("lease = 86400000000, renewed_ticks = ?", time.clock_gettime_ns(7) // 1000)


def test_an_order_says_when_it_takes_effect(alive: None, run: Run) -> None:
    said = run("workers", "quiet", WORKER[:-1])
    assert said.code == 0, said
    assert f"Worker {WORKER}: quiet ordered; it obeys within" in said.out
    (worker,) = run("workers", "list", "--json").json
    assert (worker["ordered"], worker["state"], worker["report"]) == ("quiet", "serving", None)
    assert "ordered: quiet" in run("workers", "list").out
    said = run("workers", "resume", "--all", "--json").json
    assert said == {"order": "resume", "workers": [WORKER], "within": 4.0, "pending": [WORKER]}
    assert run("workers", "list", "--json").json[0]["ordered"] is None


def test_an_order_that_is_not_carried_out_in_time_fails(alive: None, run: Run) -> None:
    said = run("workers", "drain", WORKER, "--wait", "--timeout", "100ms")
    assert said.code == 1
    assert f"did not carry it out within 100ms: {WORKER}" in said.err


def test_a_name_that_is_unknown_or_missing_is_told(alive: None, run: Run) -> None:
    said = run("workers", "drain", "nobody", "--json")
    assert (said.code, said.error["type"]) == (4, "UnknownWorker")
    for words in (["workers", "quiet"], ["workers", "quiet", WORKER, "--all"]):
        said = run(*words)
        assert said.code == 2
        assert "--host or --all" in said.err


def test_an_order_without_any_worker_says_so(place: Place, run: Run) -> None:
    change("lost = 1")
    assert "There is no live worker." in run("workers", "drain", "--all").out


def test_a_report_that_is_garbage_stops_nothing(alive: None, run: Run) -> None:
    change("report = ?, ordered = ?", b"\xff\x00", 7)
    (worker,) = run("workers", "list", "--json").json
    assert worker["unreadable"] == "report, ordered"
    assert (worker["report"], worker["ordered"]) == (None, None)
    assert "cannot be read, in report, ordered" in " ".join(run("workers", "list").out.split())
    assert run("workers", "quiet", WORKER).code == 0


def test_a_probe_of_a_worker(alive: None, run: Run) -> None:
    said = run("check", "--worker", WORKER)
    assert said.code == 0, said
    assert "serving, renewed its lease" in said.out
    (finding,) = run("check", "--worker", WORKER, "--json").json
    assert finding["ok"] is True
    change("stalled_for = 5000000")
    said = run("check", "--worker", WORKER)
    assert said.code == 1
    assert "its loop has not answered for 5 s" in " ".join(said.out.split())
    change("stalled_for = 0, report = ?", '{"state":"hung","reason":"it sleeps"}')
    assert "hung: it sleeps" in run("check", "--worker", WORKER).out
    change("lease = 1")
    said = run("check", "--worker", WORKER)
    assert said.code == 1
    assert "its lease is over" in said.out
    change("lost = 1")
    assert "declared lost" in run("check", "--worker", WORKER).out
    said = run("check", "--worker", "gone")
    assert said.code == 1
    assert "no live worker is called 'gone'" in said.out


def test_a_probe_of_the_workers_here(alive: None, run: Run) -> None:
    change("host = 'elsewhere'")
    said = run("check", "--here")
    assert said.code == 1
    assert "no worker runs on this host" in said.out
    change("host = ?", host())
    assert run("check", "--here").code == 0


def test_a_probe_of_queues(alive: None, run: Run) -> None:
    change("queues = ?", '["mail"]')
    said = run("check", "--queue", "billing")
    assert said.code == 1
    assert "no live worker serves billing" in " ".join(said.out.split())
    change("queues = ?", '["billing"]')
    said = run("check", "--queue", "billing", "--max-age", "100d")
    assert said.code == 0, said
    said = run("check", "-Q", "billing", "--max-age", "1ms")
    assert said.code == 1
    assert "add workers or slots" in " ".join(said.out.split())
    assert run("queues", "pause", "billing").code == 0
    assert run("check", "-Q", "billing", "--max-age", "1ms").code == 0
    said = run("check", "-Q", "nobody-knows-it", "--max-age", "5m")
    assert said.code == 0
    assert "no due jobs" in said.out
    assert run("check", "--max-age", "5m").code == 2
