"""Reads the text of an RRULE (RFC 5545) and fills in what its start implies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dutiful.core.errors import BadSchedule
from dutiful.core.text import shown

from . import rrule_parts
from .rrule_parts import DAYS, FREQUENCIES, Weekday

COUNT_MAX = 10_000
_TEXT_MAX = 2_000
_INTERVAL_MAX = {
    "YEARLY": 100,
    "MONTHLY": 1_200,
    "WEEKLY": 5_218,
    "DAILY": 36_525,
    "HOURLY": 876_600,
    "MINUTELY": 52_596_000,
    "SECONDLY": 3_155_760_000,
}
"""A century of each; a rule may not repeat less often."""
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_UNTIL = re.compile(r"[0-9]{8}(T[0-9]{6}Z?)?")
_ELSEWHERE = ("DTSTART", "DTEND", "TZID", "EXDATE", "EXRULE", "RDATE")


@dataclass(frozen=True, slots=True)
class Recurrence:
    """An RRULE with every part that its start implies; empty parts leave nothing out."""

    freq: str
    interval: int
    count: int | None
    until: datetime | None
    """A local time; with ``until_utc`` one in UTC."""
    until_utc: bool
    week_start: int
    """Monday is 0."""
    months: frozenset[int]
    weeks: frozenset[int]
    year_days: frozenset[int]
    month_days: frozenset[int]
    weekdays: frozenset[Weekday]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    seconds: tuple[int, ...]
    positions: tuple[int, ...]


def read(text: str, start: datetime) -> Recurrence:
    """Read an RRULE; raises BadSchedule naming the part that is wrong, and what it may be."""
    found = _split(text)
    freq = found.get("FREQ", "")
    if freq not in FREQUENCIES:
        raise BadSchedule(rrule_parts.unknown("FREQ", freq, FREQUENCIES))
    week_start = found.get("WKST", DAYS[0])
    if week_start not in DAYS:
        raise BadSchedule(rrule_parts.unknown("WKST", week_start, DAYS))
    interval = rrule_parts.number("INTERVAL", found.get("INTERVAL", "1"), _INTERVAL_MAX[freq])
    count = found.get("COUNT")
    until = found.get("UNTIL")
    if until is not None and count is not None:
        raise BadSchedule("COUNT and UNTIL do not go together; keep one")
    rrule_parts.refuse_together(found, freq)
    months = frozenset(rrule_parts.numbers(found, "BYMONTH"))
    month_days = frozenset(rrule_parts.numbers(found, "BYMONTHDAY"))
    _refuse_never(months, month_days)
    weekdays = rrule_parts.weekdays(found, freq)
    weeks = frozenset(rrule_parts.numbers(found, "BYWEEKNO"))
    year_days = frozenset(rrule_parts.numbers(found, "BYYEARDAY"))
    if not (weekdays or weeks or year_days or month_days):
        if freq == "YEARLY":
            months = months or frozenset((start.month,))
        if freq in ("YEARLY", "MONTHLY"):
            month_days = frozenset((start.day,))
        elif freq == "WEEKLY":
            weekdays = frozenset((Weekday(0, start.weekday()),))
    hours, minutes, seconds = _times(found, freq, start)
    return Recurrence(
        freq=freq,
        interval=interval,
        count=None if count is None else rrule_parts.number("COUNT", count, COUNT_MAX),
        until=_until(until),
        until_utc=bool(until and until.endswith("Z")),
        week_start=DAYS.index(week_start),
        months=months,
        weeks=weeks,
        year_days=year_days,
        month_days=month_days,
        weekdays=weekdays,
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        positions=rrule_parts.numbers(found, "BYSETPOS"),
    )


def _split(text: str) -> dict[str, str]:
    if len(text) > _TEXT_MAX:
        raise BadSchedule(f"it has {len(text):,} characters; use at most {_TEXT_MAX:,}")
    upper = text.strip().upper()
    if "\n" in upper or upper.startswith(_ELSEWHERE):
        raise BadSchedule("give one RRULE; the start and excluded days are options of their own")
    found: dict[str, str] = {}
    for part in upper.removeprefix("RRULE:").strip(";").split(";"):
        key, equals, value = (word.strip() for word in part.partition("="))
        if key in _ELSEWHERE:
            raise BadSchedule(f"{key} is not allowed here; start= and exclude= are options")
        if key not in rrule_parts.KEYS:
            raise BadSchedule(rrule_parts.unknown("part", key, rrule_parts.KEYS))
        if not equals or not value:
            raise BadSchedule(f"{key} has no value")
        if key in found:
            raise BadSchedule(f"{key} is given twice; join its values with commas")
        found[key] = value
    return found


def _times(
    found: Mapping[str, str], freq: str, start: datetime
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return hours, minutes and seconds: as given, implied by the start, or all of them."""
    fineness = FREQUENCIES.index(freq)
    times: list[tuple[int, ...]] = []
    for key, implied, unit, size in (
        ("BYHOUR", start.hour, "HOURLY", 24),
        ("BYMINUTE", start.minute, "MINUTELY", 60),
        ("BYSECOND", start.second, "SECONDLY", 60),
    ):
        coarse = fineness < FREQUENCIES.index(unit)
        given = rrule_parts.numbers(found, key)
        times.append(given or ((implied,) if coarse else tuple(range(size))))
    return times[0], times[1], times[2]


def _until(text: str | None) -> datetime | None:
    if text is None:
        return None
    if not _UNTIL.fullmatch(text):
        raise BadSchedule(
            f"UNTIL {shown(text)}; write 20261231, 20261231T235959 or 20261231T225959Z"
        )
    # A day alone counts to its end: a user who names the last day includes it.
    whole = text.rstrip("Z") if "T" in text else f"{text}T235959"
    try:
        return datetime.strptime(whole, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall has no zone
    except ValueError as error:
        raise BadSchedule(f"UNTIL {text!r} is not a date: {error}") from error


def _refuse_never(months: frozenset[int], month_days: frozenset[int]) -> None:
    """Refuse a day that none of the months has."""
    longest = max((_MONTH_DAYS[month - 1] for month in months), default=31)
    if month_days and min(abs(day) for day in month_days) > longest:
        raise BadSchedule(f"this date never comes; no month named has {longest + 1} days or more")
