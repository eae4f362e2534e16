"""What a schedule leaves out: instants before its start or after its end, days, holidays."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from datetime import date
from functools import lru_cache
from importlib import import_module
from typing import Any

import msgspec

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import DAY, moment

from .zone import changes, offset, zone

DAYS_MAX = 10_000


class RuleBounds(msgspec.Struct, frozen=True, omit_defaults=True):
    """Planned instants outside of these are left out; days are those of ``zone``'s clocks.

    ``start`` and ``end`` are included. ``holidays`` names calendars of the holidays package: a
    country ("DE"), one with a part ("DE-BE"), a market ("XNYS").
    """

    start: int | None = None
    end: int | None = None
    days: tuple[date, ...] = ()
    holidays: tuple[str, ...] = ()
    zone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse bounds that leave nothing, unknown calendars and unknown zones."""
        zone(self.zone)
        if len(self.days) > DAYS_MAX:
            raise BadSchedule(f"{len(self.days):,} days left out; use at most {DAYS_MAX:,}")
        if self.days != (ordered := tuple(sorted(set(self.days)))):
            msgspec.structs.force_setattr(self, "days", ordered)
        if self.start is not None and self.end is not None and self.end < self.start:
            raise BadSchedule(f"end {moment(self.end)} is before start {moment(self.start)}")
        for name in self.holidays:
            holidays(name, 2026)

    def leaves_out(self, at: int) -> bool:
        """Whether the day of an instant is left out."""
        if not (self.days or self.holidays):
            return False
        today = moment(at + offset(self.zone, at)).date()
        place = bisect_left(self.days, today)
        return self.days[place : place + 1] == (today,) or any(
            today in holidays(name, today.year) for name in self.holidays
        )

    def unknown(self, at: int) -> bool:
        """Whether a holiday calendar has no data for the year of an instant."""
        year = moment(at + offset(self.zone, at)).year
        return any(not first <= year <= last for first, last in map(years_of, self.holidays))

    def day(self, at: int) -> tuple[int, int]:
        """Return the first and the last instant around ``at`` with its date and its offset."""
        into = (at + offset(self.zone, at)) % DAY
        start, end = at - into, at - into + DAY
        # The clocks may change in between, and even go back over midnight into the day before.
        for change in changes(self.zone, start, end):
            if change.instant <= at:
                start = max(start, change.instant)
            else:
                end = min(end, change.instant)
        return start, end - 1


@lru_cache(maxsize=1024)
def holidays(name: str, year: int) -> frozenset[date]:
    """Return a calendar's holidays in a year; raises BadSchedule with the nearest names."""
    return frozenset(_calendar(name, year))


@lru_cache(maxsize=1024)
def years_of(name: str) -> tuple[int, int]:
    """Return the first and the last year for which a calendar has data."""
    calendar = _calendar(name, None)
    return calendar.start_year, calendar.end_year


def _calendar(name: str, year: int | None) -> Any:
    try:
        package: Any = import_module("holidays")
    except ImportError as error:
        raise BadSchedule(
            f"the holiday calendar {name!r} needs the holidays package; "
            'pip install "dutiful[calendars]"'
        ) from error
    country, _, part = name.partition("-")
    try:
        if country in package.list_supported_countries():
            return package.country_holidays(country, subdiv=part or None, years=year)
        return package.financial_holidays(name, years=year)
    except NotImplementedError as error:
        raise BadSchedule(_unknown(package, name, country)) from error


def _unknown(package: Any, name: str, country: str) -> str:
    countries: dict[str, list[str]] = package.list_supported_countries()
    if country in countries:
        known = [f"{country}-{part}" for part in countries[country]]
        fallback = f"there are {', '.join(known)}" if known else f"write {country} alone"
    else:
        known = [*countries, *package.list_supported_financial()]
        fallback = 'write a country such as "DE", a part such as "DE-BE" or a market such as "XNYS"'
    near = difflib.get_close_matches(name.upper(), known, n=3)
    hint = f"did you mean {', '.join(near)}?" if near else fallback
    return f"no holiday calendar {name!r}; {hint}"
