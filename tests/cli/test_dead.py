"""``dutiful dead``."""

import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Place, Run

COUNTS = {"matched", "redriven", "left", "dry_run", "interrupted"}


def states(run: Run, place: Place) -> dict[str, str]:
    found = {job["id"]: job["state"] for job in run("jobs", "list", "--json").json["jobs"]}
    return {name: found.get(job_id, "gone") for name, job_id in place.ids.items()}


def test_list_groups(place: Place, run: Run) -> None:
    said = run("dead", "list")
    assert said.code == 0
    assert "3 dead letters" in said.out
    assert "CardDeclined: insufficient funds …" in said.out
    groups = run("dead", "list", "--json").json
    assert {(group["reason"], group["error_type"], group["count"]) for group in groups} == {
        ("attempts-spent", "shop.CardDeclined", 1),
        ("attempts-spent", "TimeoutError", 1),
        ("discarded", "Discard", 1),
    }
    assert set(groups[0]) == {"task", "reason", "error_type", "message", "count", "latest_at"}
    assert len(run("dead", "list", "--reason", "discarded", "--json").json) == 1
    assert "--queue chooses single jobs" in run("dead", "list", "--queue", "billing").err


def test_list_each_and_show(place: Place, run: Run) -> None:
    found = run("dead", "list", "--each", "--queue", "billing", "--json").json["jobs"]
    assert [job["id"] for job in found] == [
        place.ids[name] for name in ("timed_out", "discarded", "dead")
    ]
    assert "discarded: order was deleted" in run("dead", "list", "--each").out
    assert "insufficient funds" in run("dead", "show", place.ids["dead"]).out
    other = run("dead", "show", place.ids["queued"])
    assert other.code == 1
    assert "not a dead letter" in other.err
    assert "No dead letter matches" in run("dead", "list", "--task", "nothing").out


def test_redrive_wants_a_choice(place: Place, run: Run) -> None:
    for words in ([], ["--all", "--task", "charge"], [place.ids["dead"], "--all"]):
        said = run("dead", "redrive", *words)
        assert said.code == 2, words
        assert "choose by ids, by filters or by --all" in said.err
    assert run("dead", "redrive", place.ids["queued"]).code == 1
    assert run("dead", "redrive", "--task", "nothing").code == 1
    assert states(run, place)["dead"] == "dead"


def test_redrive(place: Place, run: Run) -> None:
    dry = run("dead", "redrive", "--all", "--dry-run", "--json").json
    assert set(dry) == COUNTS
    assert (dry["matched"], dry["redriven"], dry["dry_run"]) == (3, 0, True)
    assert "3 jobs would be redriven" in run("dead", "redrive", "--all", "--dry-run").out
    one = run("dead", "redrive", place.ids["dead"])
    assert (one.code, one.out) == (0, "1 job redriven.\n")
    assert states(run, place)["dead"] == "queued"
    limited = run("dead", "redrive", "--all", "--limit", "1", "--json").json
    assert limited["redriven"] == 1
    rest = run("dead", "redrive", "--error", "shop.CardDeclined", "--all")
    assert rest.code == 2
    assert run("dead", "redrive", "--reason", "discarded").out == "1 job redriven.\n"
    job = run("jobs", "show", place.ids["dead"], "--json").json
    assert job["meta"] == {"redriven": "1", "redriven_from": "attempts-spent"}
    assert len(job["errors"]) == 1


def test_set_checks_against_the_signature(place: Place, run: Run) -> None:
    bad = run("dead", "redrive", "--all", "--set", 'order_id="x"', "--app", "shop:app")
    assert bad.code == 2
    assert "order_id" in bad.err
    assert "charge(order_id: int, currency: str = 'EUR')" in bad.err
    assert "no job was redriven" in bad.err
    assert set(states(run, place).values()) >= {"dead"}
    dry = run("dead", "redrive", "--all", "--set", 'order_id="x"', "--app", "shop:app", "--dry-run")
    assert dry.code == 2
    good = run("dead", "redrive", place.ids["dead"], "--set", "order_id=77", "--set",
               'currency="USD"', "--app", "shop:app")  # fmt: skip
    assert good.code == 0
    args = run("jobs", "show", place.ids["dead"], "--json").json["args"]
    assert args == {"order_id": 77, "currency": "USD"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("order_id=x", "is not JSON"),
        ("order_id=NaN", "is not JSON"),
        ("order_id", "is not a change"),
        ("=5", "is not a change"),
        ("order_id.part=5", "arguments.order_id has no parts"),
        ("nothing.part=5", "arguments has no 'nothing'"),
        (f"order_id={'[' * 65}1{']' * 65}", "nested deeper than 64 levels"),
    ],
)
def test_set_refuses(place: Place, run: Run, change: str, words: str) -> None:
    said = run("dead", "redrive", place.ids["dead"], "--set", change)
    assert said.code == 2
    assert words in said.err
    assert states(run, place)["dead"] == "dead"


def test_set_without_the_app_takes_any_json(place: Place, run: Run) -> None:
    assert run("dead", "redrive", place.ids["dead"], "--set", 'order_id={"a":[1]}').code == 0
    args = run("jobs", "show", place.ids["dead"], "--json").json["args"]
    assert args == {"order_id": {"a": [1]}}


def test_purge_asks(place: Place, run: Run) -> None:
    unasked = run("dead", "purge", "--all")
    assert unasked.code == 2
    assert "add --yes" in unasked.err
    assert run("dead", "purge", "--all", "--dry-run").code == 0
    assert states(run, place)["dead"] == "dead"
    assert run("dead", "purge", place.ids["dead"], "--yes").out == "1 job purged.\n"
    assert run("dead", "purge", "--all", "--yes", "--json").json["purged"] == 2
    assert states(run, place)["dead"] == "gone"
    assert states(run, place)["succeeded"] == "succeeded"
    assert "No dead letters in" in run("dead", "list").out


@pytest.mark.parametrize("rate", ["fast", "0/s", "5/d", "-1"])
def test_bad_rates(place: Place, run: Run, rate: str) -> None:
    assert run("dead", "redrive", "--all", "--rate", rate).code == 2


def test_rate_holds_back(crowd: Path, run: Run) -> None:
    started = time.monotonic()
    said = run("dead", "redrive", "--all", "--limit", "51", "--rate", "100/s", "--json")
    assert said.json["redriven"] == 51
    assert 0.35 < time.monotonic() - started < 10


def test_crowd_is_redriven_in_pages(crowd: Path, run: Run) -> None:
    assert run("dead", "redrive", "--task", "charge", "--json").json["redriven"] == 250
    assert run("queues", "list", "--json").json[0]["counts"]["queued"] == 250


def test_interrupt_counts_exactly(crowd: Path, run: Run) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "dutiful", "dead", "redrive", "--all", "--rate", "20/s"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if run("jobs", "list", "--state", "queued", "--json").json["jobs"]:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    (done,) = re.findall(r"stopped by Ctrl-C; (\d+) jobs? redriven", err)
    assert "run the same command again" in err
    counts = run("queues", "list", "--json").json[0]["counts"]
    assert counts["queued"] == int(done)
    assert 0 < counts["queued"] < 250
    assert run("dead", "redrive", "--all", "--json").json["redriven"] == 250 - int(done)


def test_since_is_when_they_died(place: Place, run: Run) -> None:
    with contextlib.closing(sqlite3.connect("jobs.db", isolation_level=None)) as connection:
        connection.execute("UPDATE dutiful_job SET enqueued_at = enqueued_at - 86400000000")
    dead = {place.ids[name] for name in ("dead", "discarded", "timed_out")}
    found = run("dead", "list", "--each", "--since", "1h", "--json").json["jobs"]
    assert {job["id"] for job in found} == dead
    assert run("dead", "list", "--each", "--until", "1h", "--json").json["jobs"] == []
    assert run("jobs", "list", "--state", "dead", "--since", "1h", "--json").json["jobs"] == []
    assert run("dead", "redrive", "--since", "1h", "--dry-run", "--json").json["matched"] == 3
