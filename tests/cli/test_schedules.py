"""``dutiful schedules``."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dutiful import App
from dutiful.core.advance import advance
from dutiful.core.instant import MINUTE
from dutiful.testing import FakeClock
from tests.cli.calendar_shop import AT, MODULE, declared
from tests.cli.conftest import Run


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Path:
    """A folder with an app, whose schedule a worker has declared."""
    return declared(tmp_path, monkeypatch)


def test_next_needs_no_store(run: Run) -> None:
    words = ("--tz", "America/New_York", "--from", "2026-11-01T00:00:00-04:00", "-n", "3")
    said = run("schedules", "next", "30 1 * * *", *words, "--json")
    assert said.json == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-02T01:30:00-05:00",
        "2026-11-03T01:30:00-05:00",
    ]
    shown = run("schedules", "next", "30 1 * * *", *words).out
    assert "the clocks go back by 60 min" in shown
    spring = run("schedules", "next", "30 2 * * *", "--tz", "Europe/Berlin", "--from", "2027-03-28")
    assert "forward by 60 min" in spring.out
    assert spring.out.count("2027-03-28 03:00:00+02:00") == 2


def test_next_takes_periods_and_calendar_rules(run: Run) -> None:
    said = run("schedules", "next", "--every", "90s", "--from", "2026-01-01", "-n", "2", "--json")
    assert said.json == ["2026-01-01T00:00:00+00:00", "2026-01-01T00:01:30+00:00"]
    rule = ("--rrule", "FREQ=MONTHLY;BYDAY=-1FR", "--from", "2026-01-01T17:00", "-n", "1")
    assert run("schedules", "next", *rule, "--json").json == ["2026-01-30T17:00:00+00:00"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["60 1 * * *"], "minute 60 is out of range 0-59"),
        (["0 0 30 2 *"], "never comes"),
        (["0 0 * * *", "--tz", "Europe/Berln"], "did you mean Europe/Berlin"),
        (["0 0 * * *", "--every", "1m"], "give one rule or one schedule"),
        ([], "give one rule or one schedule"),
        (["0 0 * * *", "--from", "soon"], "is not a time"),
        (["0 0 * * *", "--from", "0001-01-01"], "in the years 1000 to 8999"),
        (["0 0 * * *", "--from", "1700-01-01"], "in the years 1850 to 9989"),
        (["0 0 * * *", "--tz", ""], "--tz is empty"),
        (["--every", "5m", "--tz", "Bogus"], "no time zone 'Bogus'"),
        (["--every", "1us"], "the shortest period is 1ms"),
        ([" "], "WHAT is empty"),
        (["0 0 * * *", "--tz", "Europe/Berlin", "--from", "2027-03-28T02:30"], "03:30:00+02:00"),
    ],
)
def test_next_says_what_is_wrong(run: Run, words: list[str], text: str) -> None:
    said = run("schedules", "next", *words)
    assert said.code == 2
    assert text in said.err
    assert "fromisoformat" not in said.err


def test_an_empty_store_says_what_to_do(shop: Path, run: Run) -> None:
    deleted = run("schedules", "delete", "report", "--yes", *AT)
    assert deleted.code == 0
    assert "App calendar_shop declares it: it is created again when a worker starts." in deleted.out
    assert "@app.cron" in run("schedules", "list", *AT).out
    assert run("schedules", "list", "--json", *AT).json == []


def test_list_and_show(shop: Path, run: Run) -> None:
    out = run("schedules", "list", *AT).out
    assert "30 2 * * *" in out
    assert "Europe/Berlin" in out
    (found,) = run("schedules", "list", "--json", *AT).json
    assert (found["name"], found["status"], found["app"]) == ("report", "active", "calendar_shop")
    assert found["spec"]["overlap"] == "skip"
    shown = run("schedules", "show", "report", *AT).out
    assert "No occurrence yet" in shown
    assert "declared by  calendar_shop" in shown
    missing = run("schedules", "show", "repor", *AT)
    assert missing.code == 2
    assert "did you mean report?" in missing.err


def test_long_arguments_stay_in_their_column(
    shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    region = json.dumps({"region": "north " * 40})
    words = ("north", "report", "--every", "1h", "--args", region)
    assert run("schedules", "create", *words, *AT).code == 0
    shown = run("schedules", "show", "north", *AT).out
    lines = [text for text in shown.splitlines() if "north north" in text]
    assert len(lines) > 2
    assert {text.index("north") > 10 for text in lines} == {True}


def test_pause_resume_and_delete(shop: Path, run: Run) -> None:
    assert run("schedules", "pause", "report", *AT).out == "report is paused.\n"
    assert "already" in run("schedules", "pause", "report", *AT).out
    assert run("schedules", "list", "--json", *AT).json[0]["status"] == "paused"
    assert run("schedules", "resume", "report", "--json", *AT).json == {"resumed": ["report"]}
    assert run("schedules", "delete", "report", *AT, answer="n\n").code != 0
    assert len(run("schedules", "list", "--json", *AT).json) == 1


def test_a_paused_schedule_is_not_told_as_one_that_fires(shop: Path, run: Run) -> None:
    def told() -> tuple[str, str, str, dict[str, Any]]:
        text = run("schedules", "next", "report", "-n", "2", *AT)
        as_data = run("schedules", "next", "report", "-n", "2", "--json", *AT).json
        assert text.code == 0
        assert (as_data["schedule"], len(as_data["instants"])) == ("report", 2)
        check, found = run("schedules", "check", *AT), run("schedules", "check", "--json", *AT).json
        assert check.code == 0
        (finding,) = (one for one in found if one["name"] == "report")
        assert finding["ok"] is True
        return text.out, check.out, as_data["status"], finding

    text, check, status, finding = told()
    assert (status, finding["paused"]) == ("active", False)
    assert "paused" not in text + check
    assert run("schedules", "pause", "report", *AT).code == 0
    text, check, status, finding = told()
    assert (status, finding["paused"]) == ("paused", True)
    assert "report is paused: it makes none of these until it is resumed" in text
    assert "paused: it does not fire until it is resumed" in check


def test_create_checks_the_task_and_its_arguments(shop: Path, run: Run) -> None:
    made = run("schedules", "create", "weekly", "tidy", "--cron", "0 6 * * MON", *AT)
    assert made.code == 2
    assert "count" in made.err
    assert "--args '{" in made.err
    words = ("weekly", "tidy", "--cron", "0 6 * * MON", "--args", '{"count": 3}')
    assert "fires next at" in run("schedules", "create", *words, *AT).out
    again = run("schedules", "create", *words, *AT)
    assert again.code == 2
    assert "there is a schedule 'weekly'; give another name, or --replace" in again.err
    assert run("schedules", "create", *words, "--replace", "--json", *AT).json["args"] == {
        "count": 3
    }
    unnamed = run("schedules", "create", *words, "--url", "sqlite:///jobs.db")
    assert "--app MODULE:NAME" in unnamed.err
    wrong = run("schedules", "create", "x", "tidy", "--every", "1m", "--args", "[3", *AT)
    assert "is not JSON" in wrong.err
    twice = run("schedules", "create", "x", "tidy", "--every", "1m", "--cron", "* * * * *", *AT)
    assert "give exactly one rule" in twice.err


def test_a_schedule_that_is_replaced_stays_paused_and_says_so(shop: Path, run: Run) -> None:
    words = ("weekly", "tidy", "--args", '{"count": 3}', *AT)
    assert "fires next at" in run("schedules", "create", *words, "--every", "1h").out
    run("schedules", "pause", "weekly", *AT)
    said = run("schedules", "create", *words, "--every", "2h", "--replace")
    assert said.out == "Schedule weekly is paused: it does not fire until it is resumed.\n"
    run("schedules", "resume", "weekly", *AT)
    assert "fires next at" in run("schedules", "create", *words, "--every", "2h", "--replace").out


def test_nothing_is_done_unasked(shop: Path, run: Run) -> None:
    stretch = ("--from", "2026-01-01", "--to", "2026-01-02")
    for words in (("delete", "report"), ("backfill", "report", *stretch)):
        said = run("schedules", *words, "--json", *AT)
        assert (said.code, said.out) == (2, "")
        assert "this needs a confirmation" in said.error["message"]
        assert "--yes" in said.error["advice"]
    assert run("schedules", "show", "report", "--json", *AT).json["occurrences"] == 0
    assert "no schedule is called" in run("schedules", "delete", "report", "nope", *AT).err


def test_the_last_day_of_a_backfill_is_all_of_that_day(shop: Path, run: Run) -> None:
    def planned(*stretch: str) -> int:
        words = ("--from", stretch[0], "--to", stretch[1], "--dry-run", "--json", *AT)
        found: int = run("schedules", "backfill", "report", *words).json["planned"]
        return found

    assert planned("2025-01-01", "2025-01-03") == 3
    assert planned("2025-01-01", "2025-01-03T00:00") == 2
    assert planned("2025-03-29", "2025-03-30") == 2  # whose second night lacks 02:30
    today = datetime.now(ZoneInfo("Europe/Berlin"))
    day = today.date().isoformat()
    assert planned(day, day) <= 1


def test_a_schedule_needs_a_name_and_a_task_that_is_there(shop: Path, run: Run) -> None:
    said = run("schedules", "create", "", "report", "--every", "5m", *AT)
    assert (said.code, "NAME is empty" in said.err) == (2, True)
    said = run("schedules", "create", "x", "sweep", "--every", "5m", *AT)
    assert (said.code, "there are report, tidy" in said.err) == (2, True)
    said = run("schedules", "create", "x", "tidy", "--at", "2126-01-01", "--tz", "Bogus", *AT)
    assert (said.code, "no time zone 'Bogus'" in said.err) == (2, True)


def test_run_and_backfill(shop: Path, run: Run) -> None:
    job = run("schedules", "run", "report", "--json", *AT).json["job_id"]
    assert run("jobs", "show", job, "--json", *AT).json["meta"]["by_hand"] == "yes"
    stretch = ("--from", "2026-01-01", "--to", "2026-01-10")
    plan = run("schedules", "backfill", "report", *stretch, "--dry-run", *AT)
    assert plan.out.startswith("10 instants from 2026-01-01 02:30:00+01:00")
    done = run("schedules", "backfill", "report", *stretch, "--yes", "--json", *AT)
    counts = {"planned": 10, "enqueued": 10, "gave_way": 0}
    assert done.json == {**counts, "hooks_run": True, "dry_run": False}
    assert (
        "10 were there already"
        in run("schedules", "backfill", "report", *stretch, "--yes", *AT).out
    )
    shown = run("schedules", "show", "report", *AT).out
    assert "backfilled" in shown
    assert "by hand" in run("schedules", "show", "report", "-n", "1", *AT).out
    back = run("schedules", "backfill", "report", "--from", "2026-01-02", "--to", "2026-01-01", *AT)
    assert "exchange the two" in back.err
    ahead = run(
        "schedules", "backfill", "report", "--from", "2026-01-02", "--to", "2226-01-01", *AT
    )
    assert "lies in the future" in ahead.err


def test_check_finds_trouble(shop: Path, run: Run) -> None:
    fine = run("schedules", "check", *AT)
    assert fine.code == 0
    assert "its time is missing in the night to" in fine.out
    (shop / "calendar_shop.py").write_text(MODULE.replace("def report", "def renamed"))
    sys.modules.pop("calendar_shop")
    said = run("schedules", "check", "--json", *AT)
    assert said.code == 1
    found = {row["name"]: row for row in said.json}
    assert "no task 'report'" in found["report"]["text"]
    assert found["clock"]["ok"]


def test_check_judges_the_code_that_is_given(shop: Path, run: Run) -> None:
    changed = (
        MODULE.replace("30 2 * * *", "30 3 * * *")
        + """

@app.cron("0 4 * * *", name="new")
@app.task
def other() -> None: ...
"""
    )
    (shop / "calendar_shop.py").write_text(changed)
    sys.modules.pop("calendar_shop")
    said = run("schedules", "check", "--json", *AT)
    assert said.code == 0
    found = {row["name"]: row["text"] for row in said.json}
    assert "the code differs from what is stored" in found["report"]
    assert "not in the store yet" in found["new"]
    (shop / "calendar_shop.py").write_text(MODULE.replace('@app.cron("30 2', '# ("30 2'))
    sys.modules.pop("calendar_shop")
    found = {row["name"]: row["text"] for row in run("schedules", "check", "--json", *AT).json}
    assert "a worker that starts retires it" in found["report"]


def test_declare_does_what_a_start_does(shop: Path, run: Run) -> None:
    said = run("schedules", "declare", "--json", *AT).json
    assert said == {"app": "calendar_shop", "added": [], "changed": [], "retired": []}
    assert "as its code declares them" in run("schedules", "declare", *AT).out
    (shop / "calendar_shop.py").write_text(MODULE.replace("30 2 * * *", "30 5 * * *"))
    sys.modules.pop("calendar_shop")
    assert run("schedules", "declare", *AT).out == "changed  report\n"
    assert run("schedules", "declare", "--url", "sqlite:///jobs.db").code == 2


def test_check_holds_arguments_to_the_signature(shop: Path, run: Run) -> None:
    words = ("--every", "1h", "--args", '{"count": 1}')
    assert run("schedules", "create", "tidy", "tidy", *words, *AT).code == 0
    (shop / "calendar_shop.py").write_text(MODULE.replace("count: int", "count: dict[str, int]"))
    sys.modules.pop("calendar_shop")
    said = run("schedules", "check", "--json", *AT)
    assert said.code == 1
    found = {row["name"]: row for row in said.json}
    assert "its arguments do not fit the task" in found["tidy"]["text"]
    assert found["report"]["ok"]


def test_history_tells_what_became_of_each(tmp_path: Path, run: Run) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"

    async def fill() -> None:
        from dutiful.engines.sqlite import SqliteEngine

        app = App(url)

        @app.every("1m", name="tick", overlap="skip")
        @app.task
        def tick() -> None: ...

        clock = FakeClock()
        with app.on(SqliteEngine(tmp_path / "jobs.db", clock=clock)) as store:
            await app.open()
            await app.schedules.declaration().bring(store)
            for _ in range(2):
                clock.advance(MINUTE / 1_000_000)
                batch = await store.schedules.due(10)
                moves = [move for due in batch.due if (move := advance(due, batch.now))]
                await store.schedules.advance(moves)
            await store.engine.close()

    asyncio.run(fill())
    out = run("schedules", "show", "tick", "--url", url).out
    assert "skipped" in out
    assert "the one before still runs" in out
    history = run("schedules", "show", "tick", "--json", "--url", url).json["history"]
    assert [row["kind"] for row in history] == ["skipped", "enqueued"]
    assert history[1]["late"] == 0
    listed = run("schedules", "list", "--url", url).out
    assert re.search(r"due \d+\w ago", listed)
    assert "Does a worker run?" in listed
    run("schedules", "pause", "tick", "--url", url)
    assert "Does a worker run?" not in run("schedules", "list", "--url", url).out


def test_a_renamed_app_adopts_its_schedules(shop: Path, run: Run) -> None:
    (shop / "calendar_shop.py").write_text(
        MODULE.replace('App("sqlite:///jobs.db")', 'App("sqlite:///jobs.db", name="renamed")')
    )
    sys.modules.pop("calendar_shop")
    said = run("schedules", "declare", *AT)
    assert said.code == 2
    assert "'report' belongs to app 'calendar_shop', and app 'renamed' declares it" in said.err
    assert "dutiful schedules adopt report --app" in said.err
    assert "no schedule is called 'tidy'" in run("schedules", "adopt", "tidy", *AT).err
    said = run("schedules", "adopt", "report", *AT)
    assert said.out == "report belongs to app renamed; it was calendar_shop's.\n"
    assert run("schedules", "declare", *AT).code == 0
    assert run("schedules", "show", "report", "--json", *AT).json["app"] == "renamed"


def test_one_made_at_run_time_is_adopted_into_code(shop: Path, run: Run) -> None:
    words = ("--every", "10m", "--args", '{"count": 1}')
    assert run("schedules", "create", "clean", "tidy", *words, *AT).code == 0
    (shop / "calendar_shop.py").write_text(
        MODULE.replace(
            "@app.task\ndef tidy", '@app.every("5m", name="clean", args=(2,))\n@app.task\ndef tidy'
        )
    )
    sys.modules.pop("calendar_shop")
    assert "'clean' was created at run time" in run("schedules", "declare", *AT).err
    assert run("schedules", "adopt", "clean", *AT).out.endswith("it was created at run time.\n")
    assert run("schedules", "show", "clean", "--json", *AT).json["args"] == {"count": 2}
    taken = run("schedules", "create", "report", "tidy", *words, "--replace", *AT)
    assert taken.code == 2
