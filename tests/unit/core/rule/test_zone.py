"""Zones: names, changes of the clocks, local times."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dutiful.core.errors import BadOption, BadSchedule
from dutiful.core.instant import DAY, HOUR, instant, local_instant, moment
from dutiful.core.rule import Cron, at_wall, between, changes, day_of
from dutiful.core.rule import zone as zones


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Europe/Berlim", "did you mean Europe/Berlin"),
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("New York", "did you mean America/New_York"),
        ("Berlin", "did you mean Europe/Berlin"),
        ("Europe", "no time zone 'Europe'"),
        ("berlin", "did you mean Europe/Berlin"),
        ("utc", "did you mean UTC"),
        ("PST", "an abbreviation may mean several, so write an IANA name"),
        ("UTC+2", "that offset is Etc/GMT-2, with the sign reversed"),
        ("gmt-5", "that offset is Etc/GMT+5"),
        ("+02:00", "that offset is Etc/GMT-2"),
        ("+99", "write an IANA name"),
        ("", "write an IANA name"),
        ("localtime", "a different zone on each machine"),
        ("../etc/passwd", "no time zone"),
        ("", 'write an IANA name such as "Europe/Berlin"'),
        ("qqqqqqqqqq", 'write an IANA name such as "Europe/Berlin"'),
    ],
)
def test_an_unknown_zone_is_answered_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(BadSchedule) as caught:
        Cron("@daily", name)
    assert near in str(caught.value)


def test_a_machine_without_zone_data_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "available_timezones", set[str])
    with pytest.raises(BadSchedule, match="this machine has no zone data; pip install tzdata"):
        zones.zone("Nowhere/Special")


def test_changes_name_the_instant_and_both_offsets() -> None:
    start, end = (instant(datetime(year, 1, 1, tzinfo=UTC)) for year in (2026, 2028))
    found = changes("America/New_York", start, end)
    assert [moment(change.instant).isoformat() for change in found] == [
        "2026-03-08T07:00:00+00:00",
        "2026-11-01T06:00:00+00:00",
        "2027-03-14T07:00:00+00:00",
        "2027-11-07T06:00:00+00:00",
    ]
    assert (found[0].before, found[0].after) == (-5 * HOUR, -4 * HOUR)
    assert (found[1].before, found[1].after) == (-4 * HOUR, -5 * HOUR)


def test_changes_reach_from_start_up_to_end() -> None:
    at = instant(datetime(2026, 3, 8, 7, tzinfo=UTC))
    assert len(changes("America/New_York", at, at + 1)) == 1
    assert not changes("America/New_York", at - HOUR, at)
    assert not changes("UTC", 0, at)


@pytest.mark.parametrize(
    ("wall", "text"),
    [
        (
            datetime(2026, 11, 1, 1, 30),  # noqa: DTZ001 - a wall has no zone
            "2026-11-01T01:30:00 comes twice in America/New_York, where the clocks change; write "
            'datetime.fromisoformat("2026-11-01T01:30:00-04:00") for the first or '
            'datetime.fromisoformat("2026-11-01T01:30:00-05:00") for the second',
        ),
        (
            datetime(2026, 3, 8, 2, 30),  # noqa: DTZ001 - a wall has no zone
            "2026-03-08T02:30:00 never comes in America/New_York, where the clocks change; write "
            'datetime.fromisoformat("2026-03-08T01:30:00-05:00") for before the change or '
            'datetime.fromisoformat("2026-03-08T03:30:00-04:00") for after it',
        ),
    ],
)
def test_a_doubtful_local_time_asks_which_side(wall: datetime, text: str) -> None:
    with pytest.raises(BadOption) as caught:
        at_wall("America/New_York", wall)
    assert str(caught.value) == text


def test_a_side_that_was_said_is_taken() -> None:
    second = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1)
    assert moment(local_instant(second)) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    plain = datetime.fromisoformat("2026-11-01T01:30:00-04:00")
    assert moment(local_instant(plain)) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_an_ordinary_local_time_is_an_instant() -> None:
    at = at_wall("America/New_York", datetime(2026, 7, 1, 9))  # noqa: DTZ001 - likewise
    assert moment(at) == datetime(2026, 7, 1, 13, tzinfo=UTC)
    with pytest.raises(BadOption, match="has no time zone"):
        local_instant(datetime(2026, 7, 1, 9))  # noqa: DTZ001 - what is refused


@pytest.mark.parametrize("name", ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
@pytest.mark.parametrize("year", [2229, 2300, 2400, 3996, 9990])
def test_late_years_change_as_those_that_begin_alike(name: str, year: int) -> None:
    begins = zones.new_year(year)
    expected = [
        day
        for day in range(begins, zones.new_year(year + 1), DAY)
        if zones.offset(name, day) != zones.offset(name, day + DAY)
    ]
    found = [one for one in zones.offset_periods(name, year) if one.before != one.offset]
    assert [one.start - day for one, day in zip(found, expected, strict=True)] == [
        one.start % DAY for one in found
    ]
    assert all(zones.offset(name, one.start) == one.offset for one in found)
    assert all(zones.offset(name, one.start - 1) == one.before for one in found)


def test_a_thousand_leap_days_ask_for_the_offset_of_few_years(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = 0

    def offset(name: str, at: int) -> int:
        nonlocal asked
        asked += 1
        return real(name, at)

    real = zones.offset
    monkeypatch.setattr(zones, "offset", offset)
    zones.offset_periods.cache_clear()
    leap_days = between(Cron("0 0 29 2 *", "America/New_York"), 0, zones.new_year(9000), 1000)
    assert len(leap_days) == 1000
    assert asked < 20_000


WITHOUT_DATA = """
import sys
sys.modules["tzdata"] = None  # as where the package is not installed
from datetime import datetime
from dutiful import App, BadSchedule, Calendar, Cron
app = App("memory://")
@app.every("1m")
@app.cron("0 9 * * *", name="nine")
@app.schedule(Calendar("FREQ=DAILY", "UTC", datetime(2026, 1, 1)), name="calendar")
@app.task
def task(): ...
from dutiful.core.rule import after, before_or_at
for one in app.schedules.declared.values():
    assert after(one.rule, 0) and before_or_at(one.rule, 10**16)
for name in ("Europe/Berlin", "GMT", "localtime", "Europe"):
    try:
        Cron("0 9 * * *", name)
    except BadSchedule as error:
        print(error)
"""


def test_utc_needs_no_zone_data() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_DATA],
        env={**os.environ, "PYTHONTZPATH": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == (
        "no time zone 'Europe/Berlin': this machine has no zone data; pip install tzdata"
    )
    assert len(said) == 4


@pytest.mark.parametrize("name", [None, 5, ["UTC"], b"UTC", "x" * 100_000, "../etc/passwd", "\0"])
def test_what_is_no_name_of_a_zone_is_refused(name: Any) -> None:
    with pytest.raises(BadSchedule, match="no time zone") as caught:
        zones.zone(name)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("zone", "day", "first", "last"),
    [
        ("UTC", "2026-03-01", "2026-03-01T00:00Z", "2026-03-02T00:00Z"),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("America/Santiago", "2025-09-07", "2025-09-07T04:00Z", "2025-09-08T03:00Z"),  # no midnight
        ("America/Santiago", "2025-09-06", "2025-09-06T04:00Z", "2025-09-07T04:00Z"),
        ("America/Santiago", "2025-04-05", "2025-04-05T03:00Z", "2025-04-06T04:00Z"),  # 25 hours
        ("America/Santiago", "2025-04-06", "2025-04-06T04:00Z", "2025-04-07T04:00Z"),
        ("America/Havana", "2025-11-02", "2025-11-02T04:00Z", "2025-11-03T05:00Z"),  # two midnights
        ("America/Havana", "2025-11-01", "2025-11-01T04:00Z", "2025-11-02T04:00Z"),
        # At 00:01 back to 23:01 of the day before, which is shown again.
        ("America/St_Johns", "2010-11-06", "2010-11-06T02:30Z", "2010-11-07T03:30Z"),
        ("America/St_Johns", "2010-11-07", "2010-11-07T02:30Z", "2010-11-08T03:30Z"),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z", "1919-04-01T04:00Z"),  # from 00:30
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z", "2011-12-30T10:00Z"),  # left out
        ("America/Santiago", "8000-01-01", "8000-01-01T03:00Z", "8000-01-02T03:00Z"),
    ],
)
def test_a_day_has_a_first_and_a_last_instant(zone: str, day: str, first: str, last: str) -> None:
    start, end = (instant(datetime.fromisoformat(text)) for text in (first, last))
    assert day_of(zone, date.fromisoformat(day)) == (start, end - 1)


@pytest.mark.parametrize("day", ["0001-01-01", "0999-12-31", "9000-01-01", "9999-12-31"])
def test_a_day_outside_of_the_years_is_refused(day: str) -> None:
    with pytest.raises(BadOption, match=f"'{day}' is out of range; give a time in the years"):
        day_of("America/Santiago", date.fromisoformat(day))
    assert day_of("Europe/Berlin", date(1000, 1, 1)) < day_of("Europe/Berlin", date(8999, 12, 31))
