"""One worked night in each direction, and the places where an hour is not what it was."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from dutiful.core.instant import instant, moment
from dutiful.core.rule import Cron, Dst, between

NEW_YORK = ("America/New_York", "2026-11-01T00:00:00-04:00", "2026-03-08T00:00:00-05:00")


def night(rule: Cron, start: str, end: str) -> list[str]:
    local = ZoneInfo(rule.zone)
    first, last = (instant(datetime.fromisoformat(text)) for text in (start, end))
    found = between(rule, first - 1, last, 1000)
    return [moment(at).astimezone(local).strftime("%d %H:%M%z").removesuffix("00") for at in found]


def autumn(expression: str, dst: Dst | None = None) -> list[str]:
    rule = Cron(expression, "America/New_York", dst)
    return night(rule, "2026-11-01T00:00:00-04:00", "2026-11-01T03:00:00-05:00")


def spring(expression: str, dst: Dst | None = None) -> list[str]:
    rule = Cron(expression, "America/New_York", dst)
    return night(rule, "2026-03-08T00:00:00-05:00", "2026-03-08T04:00:00-04:00")


def test_in_autumn_a_fixed_time_runs_at_its_first_pass() -> None:
    assert autumn("30 1 * * *") == ["01 01:30-04"]
    assert autumn("0,30 1,2 * * *") == ["01 01:00-04", "01 01:30-04", "01 02:00-05", "01 02:30-05"]


def test_in_autumn_a_wildcard_keeps_its_beat() -> None:
    assert autumn("0 * * * *") == [
        *("01 00:00-04", "01 01:00-04", "01 01:00-05", "01 02:00-05", "01 03:00-05"),
    ]
    assert len(autumn("*/30 * * * *")) == 9


def test_in_spring_missing_times_run_once_after_the_stretch() -> None:
    assert spring("30 2 * * *") == ["08 03:00-04"]
    assert spring("0,15,30 2 * * *") == ["08 03:00-04"]
    assert spring("0 2,3 * * *") == ["08 03:00-04"]


def test_in_spring_a_wildcard_keeps_its_beat() -> None:
    assert spring("0 * * * *") == ["08 00:00-05", "08 01:00-05", "08 03:00-04", "08 04:00-04"]
    assert spring("*/30 2 * * *") == []


def test_seconds_do_not_make_a_time_a_wildcard() -> None:
    assert spring("*/10 30 2 * * *") == ["08 03:00-04"]
    assert len(autumn("*/10 30 1 * * *")) == 6
    assert len(autumn("*/10 * 1 * * *")) == 2 * 360


@pytest.mark.parametrize(
    ("dst", "expected"),
    [
        (Dst(repeated="last"), ["01 01:30-05"]),
        (Dst(repeated="both"), ["01 01:30-04", "01 01:30-05"]),
    ],
)
def test_a_repeated_time_may_be_asked_for_otherwise(dst: Dst, expected: list[str]) -> None:
    assert autumn("30 1 * * *", dst) == expected


def test_a_missing_time_may_be_left_out() -> None:
    assert spring("30 2 * * *", Dst(missing="skip")) == []


def test_a_wildcard_may_be_asked_to_run_once() -> None:
    assert len(autumn("*/30 * * * *", Dst(repeated="first"))) == 7
    assert spring("*/30 2 * * *", Dst(missing="after")) == ["08 03:00-04"]


@pytest.mark.parametrize(
    ("zone", "start", "end", "expected"),
    [
        # The clocks go from midnight to one o'clock, so this day has no midnight.
        ("Asia/Beirut", "2026-03-28T12:00+02:00", "2026-03-29T12:00+03:00", "29 01:00+03"),
        ("America/Santiago", "2026-09-05T12:00-04:00", "2026-09-06T12:00-03:00", "06 01:00-03"),
        # This night has two of them, or two hours before it.
        ("Asia/Beirut", "2026-10-24T12:00+03:00", "2026-10-25T12:00+02:00", "25 00:00+02"),
        ("America/Santiago", "2026-04-04T12:00-03:00", "2026-04-05T12:00-04:00", "05 00:00-04"),
        # A whole day was left out: its midnight runs at the next, once.
        ("Pacific/Apia", "2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00", "31 00:00+14"),
    ],
)
def test_a_day_without_its_midnight_still_has_its_run(
    zone: str, start: str, end: str, expected: str
) -> None:
    assert night(Cron("@daily", zone), start, end) == [expected]


def test_half_an_hour_may_be_missing_or_come_twice() -> None:
    spring_night = ("2026-10-04T00:00+10:30", "2026-10-04T12:00+11:00")
    autumn_night = ("2026-04-05T00:00+11:00", "2026-04-05T12:00+10:30")
    for text, start, end, expected in [
        ("15 2 * * *", *spring_night, ["04 02:30+11"]),
        ("45 2 * * *", *spring_night, ["04 02:45+11"]),
        ("45 1 * * *", *autumn_night, ["05 01:45+11"]),
        ("15 1 * * *", *autumn_night, ["05 01:15+11"]),
    ]:
        assert night(Cron(text, "Australia/Lord_Howe"), start, end) == expected
    beat = night(Cron("*/10 2 * * *", "Australia/Lord_Howe"), *autumn_night)
    assert len(beat) == 6
