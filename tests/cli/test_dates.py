"""Dates where midnight does not come, and at the ends of the calendar."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dutiful import App
from tests.cli.conftest import Run

SANTIAGO = ("--tz", "America/Santiago")
WITHOUT_MIDNIGHT = "2025-09-07"


@pytest.fixture
def nightly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with a schedule of Santiago's clocks, every hour of the night."""
    app = App(f"sqlite:///{tmp_path}/jobs.db")

    @app.cron("0 0-3 * * *", tz="America/Santiago", name="night")
    @app.task
    def report() -> None: ...

    async def declare() -> None:
        async with app:
            await app.schedules.declaration().bring(app.store)

    asyncio.run(declare())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUTIFUL_URL", "sqlite:///jobs.db")
    return tmp_path


@pytest.mark.parametrize(
    ("begin", "end", "planned"),
    [
        (WITHOUT_MIDNIGHT, WITHOUT_MIDNIGHT, 3),
        ("2025-09-06", "2025-09-06", 4),
        ("2025-09-06", WITHOUT_MIDNIGHT, 7),
        (WITHOUT_MIDNIGHT, "2025-09-08T00:00", 4),
        ("2025-04-05", "2025-04-05", 4),  # this day has 25 hours
    ],
)
def test_a_backfill_takes_days_without_midnight(
    nightly: Path, run: Run, begin: str, end: str, planned: int
) -> None:
    words = ("--from", begin, "--to", end, "--dry-run", "--json")
    said = run("schedules", "backfill", "night", *words)
    assert said.code == 0, said
    assert said.json["planned"] == planned


def test_a_written_time_that_never_comes_is_asked_about(nightly: Path, run: Run) -> None:
    for words in (
        ("--from", f"{WITHOUT_MIDNIGHT}T00:00", "--to", "2025-09-08"),
        ("--from", "2025-09-01", "--to", f"{WITHOUT_MIDNIGHT}T00:30"),
    ):
        said = run("schedules", "backfill", "night", *words, "--dry-run")
        assert said.code == 2
        assert "never comes" in said.err


def test_a_preview_begins_with_a_day_without_midnight(nightly: Path, run: Run) -> None:
    begin = ("--from", WITHOUT_MIDNIGHT, "-n", "2", "--json")
    first = [f"{WITHOUT_MIDNIGHT}T01:00:00-03:00"]
    assert run("schedules", "next", "0 * * * *", *SANTIAGO, *begin).json[:1] == first
    assert run("schedules", "next", "night", *begin).json["instants"][:1] == first
    daily = run("schedules", "next", "--rrule", "FREQ=DAILY", *SANTIAGO, *begin).json
    assert daily == [*first, "2025-09-08T00:00:00-03:00"]


def test_a_schedule_at_a_day_without_midnight(tmp_path: Path, run: Run) -> None:
    (tmp_path / "dated_shop.py").write_text(
        f"from dutiful import App\napp = App('sqlite:///{tmp_path}/jobs.db')\n"
        "@app.task\ndef tidy() -> None: ...\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        patch.syspath_prepend(str(tmp_path))
        app = ("--app", "dated_shop:app")
        assert run("migrate", *app).code == 0
        words = ("--at", "2125-09-02", *SANTIAGO)
        said = run("schedules", "create", "once", "tidy", *words, *app)
    assert said.code == 0, said
    assert "fires next at 2125-09-02 01:00:00-03:00" in said.out


@pytest.mark.parametrize("as_json", [(), ("--json",)])
@pytest.mark.parametrize(
    "words",
    [
        ("--every", "36500d", "--from", "8990-01-01", "-n", "20"),
        ("--every", "365d", "--from", "8980-01-01", "-n", "10000"),
        ("0 0 1 1 *", "--from", "8980-01-01", "-n", "10000"),
        ("--rrule", "FREQ=YEARLY", "--from", "8980-01-01", "-n", "10000"),
    ],
)
def test_a_preview_ends_where_calendars_end(
    run: Run, words: tuple[str, ...], as_json: tuple[str, ...]
) -> None:
    said = run("schedules", "next", *words, *as_json)
    assert said.code == 0, said
    if not as_json:
        assert said.out.endswith("It does not fire after that.\n")
