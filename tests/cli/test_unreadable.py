"""What another program wrote into a row is shown, steers no terminal and ends no command."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from dutiful import App
from tests.cli.conftest import Run
from tests.fuzz.store_tables import SqliteTables

DEEP = "[" * 990 + "]" * 990
SPOILT = {
    "a far time": ("run_at", 2**63 - 1),
    "a time before all": ("enqueued_at", -(2**63)),
    "deep arguments": ("args", f'{{"number":{DEEP}}}'.encode()),
    "a deep result": ("result", DEEP.encode()),
    "no JSON": ("args", b"{"),
    "no number": ("args", b'{"a":NaN}'),
    "half a character": ("args", b'{"a":"\\ud800"}'),
    "meta that is none": ("meta", "[1]"),
    "an id with an escape": ("id", "a\x1b[31m\nb"),
    "a task with one": ("task", "a\x1b[31m\nb\u202e"),
    "a queue with one": ("queue", "a\x9b31m\nb"),
    "a worker with one": ("worker", "a\x1b]0;b\x07\n"),
    "a state that is none": ("state", 77),
}


@pytest.fixture(params=SPOILT)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store with a good job, and one that is spoilt."""
    place = f"sqlite:///{tmp_path}/jobs.db"

    async def fill() -> None:
        app = App(place)

        @app.task
        async def good(number: int) -> None: ...

        async with app:
            await good.aenqueue(1)
            await good.aenqueue(2)

    asyncio.run(fill())
    column, value = SPOILT[request.param]
    tables = SqliteTables(f"{tmp_path}/jobs.db")
    tables.change("dutiful_job", f"{column} = ?", "seq = 2", value)
    tables.close()
    return place


def test_every_look_goes_on(run: Run, url: str) -> None:
    listed = run("jobs", "list", "--json", "--url", url)
    assert listed.code == 0
    jobs = listed.json["jobs"]
    assert len(jobs) == 2
    odd = jobs[0]["id"]
    looks = [
        *(["jobs", "list"], ["jobs", "show", odd], ["jobs", "show", odd, "--json"]),
        *(["queues", "list"], ["queues", "list", "--json"], ["check"], ["dead", "list"]),
    ]
    for words in looks:
        said = run(*words, "--url", url)
        assert said.code in (0, 1), (words, said)
        assert not set("\x1b\x9b\x07\u202e") & set(said.out + said.err), words
        if "list" in words and "--json" not in words:
            assert "\nb" not in said.out


def test_a_copy_says_which_was_left(run: Run, url: str, tmp_path: Path) -> None:
    unread = [job for job in run("jobs", "list", "--json", "--url", url).json["jobs"]]
    lost = [job["id"] for job in unread if job["unreadable"]]
    said = run("copy", url, f"sqlite:///{tmp_path}/copy.db", "--json")
    assert said.code == (1 if lost else 0), said
    assert [refusal["id"] for refusal in json.loads(said.out)["refused"]] == lost


def test_what_cannot_be_read_is_listed_and_purged(run: Run, url: str) -> None:
    found = run("jobs", "list", "--unreadable", "--json", "--url", url).json["jobs"]
    checked = run("check", "--json", "--url", url)
    readable = {one["name"]: one for one in checked.json}["readable"]
    assert readable["ok"] == (not found)
    for job in found:
        assert run("dead", "purge", job["id"], "--yes", "--url", url).code == 0
    assert not run("jobs", "list", "--unreadable", "--json", "--url", url).json["jobs"]


def test_an_order_for_such_a_job_is_obeyed_or_refused_in_words(run: Run, url: str) -> None:
    odd, good = (job["id"] for job in run("jobs", "list", "--json", "--url", url).json["jobs"])
    orders = [
        *(["jobs", "retry", odd], ["jobs", "cancel", odd], ["jobs", "retry", odd]),
        *(["dead", "redrive", odd], ["dead", "redrive", "--all"]),
    ]
    for words in orders:
        said = run(*words, "--url", url)
        assert said.code in (0, 1), (words, said)
        assert "Traceback" not in said.err, words
        assert not set("\x1b\x9b\x07\u202e") & set(said.out + said.err), words
    assert run("jobs", "show", good, "--json", "--url", url).json["state"] == "queued"
