"""``dutiful jobs``."""

import re

import pytest

from tests.cli.conftest import Place, Run

JOB_KEYS = {
    "id", "task", "queue", "state", "priority", "attempt", "max_attempts", "crashes",
    "enqueued_at", "run_at", "started_at", "finished_at", "expires_at", "redriven_at",
    "worker", "reason", "cancel_requested", "unique_key", "tags", "meta", "args", "result",
    "unreadable", "trace_id",
}  # fmt: skip


def test_list_shows_every_job_newest_first(place: Place, run: Run) -> None:
    said = run("jobs", "list")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].split() == ["id", "task", "queue", "state", "tried", "when", "detail"]
    assert len(lines) == 1 + len(place.ids)
    assert lines[1].startswith(place.ids["mail"][:13])
    assert "CardDeclined: insufficient funds …" in said.out
    assert "second line" not in said.out
    assert re.search(r"in (59|[345]\d)m", lines[2])


def test_list_as_json(place: Place, run: Run) -> None:
    said = run("jobs", "list", "--json")
    assert set(said.json) == {"jobs", "next_cursor"}
    assert said.json["next_cursor"] is None
    assert [job["id"] for job in said.json["jobs"]] == list(reversed(place.ids.values()))
    assert all(set(job) == JOB_KEYS for job in said.json["jobs"])
    dead = next(job for job in said.json["jobs"] if job["id"] == place.ids["dead"])
    assert dead["state"] == "dead"
    assert dead["args"] == {"order_id": 1}
    assert dead["enqueued_at"].endswith("Z")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--state", "queued"], ["mail", "queued"]),
        (["-s", "dead,waiting", "--tag", "eu"], ["dead"]),
        (["-s", "waiting", "-s", "running"], ["running", "waiting"]),
        (["--queue", "default"], ["mail"]),
        (["--task", "send_mail"], ["mail"]),
        (["--reason", "discarded"], ["discarded"]),
        (["--error", "TimeoutError"], ["timed_out"]),
        (["--worker", "web-1:4711:a1b2"], ["running"]),
        (["--since", "1h", "--queue", "default"], ["mail"]),
        (["--until", "2020-01-01"], []),
        (["--limit", "2"], ["mail", "scheduled"]),
    ],
)
def test_filters(place: Place, run: Run, options: list[str], names: list[str]) -> None:
    found = run("jobs", "list", "--json", *options).json["jobs"]
    assert [job["id"] for job in found] == [place.ids[name] for name in names]


def test_paging_meets_every_job_once(crowd: object, run: Run) -> None:
    seen, options = [], []
    while True:
        page = run("jobs", "list", "--json", "-n", "60", *options).json
        seen += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        options = ["--cursor", page["next_cursor"]]
    assert len(seen) == len(set(seen)) == 250
    third = run("jobs", "list", "--json", "-n", "60", "--page", "3").json["jobs"]
    assert [job["id"] for job in third] == seen[120:180]
    assert "add --page 4" in run("jobs", "list", "-n", "60", "--page", "3").out
    assert "No job matches" in run("jobs", "list", "-n", "60", "--page", "9").out


def test_show_tells_all(place: Place, run: Run) -> None:
    said = run("jobs", "show", place.ids["dead"])
    assert said.code == 0
    for part in ("dead (attempts-spent)", "billing", "1 of 1", '"order_id": 1', "authorise",
                 "CardDeclined", "second line", 'File "shop.py", line 9', "web-1:4711:a1b2",
                 "ago)"):  # fmt: skip
        assert part in said.out
    found = run("jobs", "show", place.ids["dead"], "--json").json
    assert set(found) == JOB_KEYS | {"errors", "steps", "logs"}
    assert found["steps"] == {"authorise": {"ok": True}}
    assert found["errors"][0]["type"] == "shop.CardDeclined"
    assert run("jobs", "show", place.ids["succeeded"], "--json").json["result"] == {"receipt": 7}


def test_ids_may_be_shortened(place: Place, run: Run) -> None:
    whole = place.ids["dead"]
    assert whole in run("jobs", "show", whole[:18]).out
    short = run("jobs", "show", whole[:8])
    assert short.code == 4
    assert f"several jobs begin with {whole[:8]}" in short.err
    assert "too short" in run("jobs", "show", whole[:5]).err
    unknown = run("jobs", "show", "ffffffff-0000", "--json")
    assert unknown.code == 4
    assert unknown.error["message"] == "no job ffffffff-0000"
    assert unknown.out == ""


@pytest.mark.parametrize(
    ("name", "code", "words", "state"),
    [
        ("scheduled", 0, "made due, was scheduled", "queued"),
        ("waiting", 0, "made due, was waiting", "queued"),
        ("dead", 0, "redriven, was dead", "queued"),
        ("cancelled", 0, "redriven, was cancelled", "queued"),
        ("queued", 1, "is queued already", "queued"),
        ("running", 1, "is running already", "running"),
        ("succeeded", 1, "has succeeded", "succeeded"),
    ],
)
def test_retry(place: Place, run: Run, name: str, code: int, words: str, state: str) -> None:
    said = run("jobs", "retry", place.ids[name])
    assert said.code == code
    assert words in said.out
    assert run("jobs", "show", place.ids[name], "--json").json["state"] == state


def test_cancel_by_id(place: Place, run: Run) -> None:
    said = run("jobs", "cancel", place.ids["queued"], place.ids["running"])
    assert (said.code, said.out) == (0, "2 jobs cancelled.\n")
    assert run("jobs", "show", place.ids["queued"], "--json").json["state"] == "cancelled"
    assert run("jobs", "show", place.ids["running"], "--json").json["cancel_requested"]
    ended = run("jobs", "cancel", place.ids["waiting"], place.ids["dead"])
    assert ended.code == 1
    assert "is dead and cannot be cancelled" in ended.err
    assert run("jobs", "show", place.ids["waiting"], "--json").json["state"] == "waiting"


def test_cancel_by_filter_asks(place: Place, run: Run) -> None:
    assert run("jobs", "cancel").code == 2
    assert run("jobs", "cancel", place.ids["queued"], "--queue", "billing").code == 2
    assert "cannot be cancelled" in run("jobs", "cancel", "--state", "dead").err
    unasked = run("jobs", "cancel", "--queue", "billing")
    assert unasked.code == 2
    assert "5 jobs would be cancelled; this needs a confirmation" in unasked.err
    dry = run("jobs", "cancel", "--queue", "billing", "--dry-run", "--json").json
    assert dry == {
        "matched": 5, "cancelled": 0, "left": 0, "dry_run": True, "interrupted": False
    }  # fmt: skip
    done = run("jobs", "cancel", "--queue", "billing", "--yes", "--json").json
    assert (done["matched"], done["cancelled"]) == (5, 5)
    again = run("jobs", "cancel", "--queue", "billing", "--state", "queued", "--yes")
    assert again.code == 1
    assert "no job matches" in again.err
