"""How far ahead and back the next instant of a rule is looked for."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dutiful.core.instant import DAY, instant, moment
from dutiful.core.rule import Dates, Dst, after, before_or_at, daylight

CENTURY = 100 * 366 * DAY
NOW = instant(datetime(2026, 6, 1, tzinfo=UTC))


class Walls:
    """Wants one wall time."""

    def __init__(self, wanted: str) -> None:
        self._wall = instant(datetime.fromisoformat(wanted).replace(tzinfo=UTC))

    def first(self, start: int, end: int) -> int | None:
        return self._wall if start <= self._wall < end else None

    def last(self, start: int, end: int) -> int | None:
        return self.first(start, end)


def local(found: int | None, zone: str) -> str | None:
    return None if found is None else f"{moment(found).astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M}"


def ahead(wanted: str, zone: str = "UTC") -> str | None:
    return local(daylight.after(Walls(wanted), zone, Dst(), NOW), zone)


def back(wanted: str, zone: str = "UTC") -> str | None:
    return local(daylight.before_or_at(Walls(wanted), zone, Dst(), NOW), zone)


@pytest.mark.parametrize("wanted", ["2125-01-01T00:00", "2126-01-01T00:00", "2126-12-31T23:59"])
def test_the_last_years_of_a_century_are_looked_through(wanted: str) -> None:
    assert ahead(wanted) == wanted


@pytest.mark.parametrize("wanted", ["1927-12-31T23:59", "1926-12-31T23:59", "1926-01-01T00:00"])
def test_the_first_years_of_a_century_are_looked_through(wanted: str) -> None:
    assert back(wanted) == wanted


def test_no_more_than_a_century_is_looked_through() -> None:
    assert ahead("2127-01-01T00:00") is None
    assert back("1925-12-31T23:59") is None


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize("time", ["12-29T12:00", "12-31T23:30", "01-01T00:00", "01-03T00:30"])
def test_a_wall_time_beside_the_turn_of_a_far_year_is_found(zone: str, time: str) -> None:
    assert ahead(f"2050-{time}", zone) == f"2050-{time}"
    assert back(f"2001-{time}", zone) == f"2001-{time}"


def test_dates_within_a_century_are_planned() -> None:
    rule = Dates((0, CENTURY, 2 * CENTURY + 1))
    assert after(rule, 0) == CENTURY
    assert after(rule, CENTURY) is None
    assert before_or_at(rule, CENTURY - 1) == 0
    assert before_or_at(rule, 2 * CENTURY) == CENTURY
    assert before_or_at(Dates((0,)), CENTURY) == 0
    assert before_or_at(Dates((0,)), CENTURY + 1) is None
