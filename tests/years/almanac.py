"""Which instants a schedule names, from datetime and zoneinfo alone: no part of `core.rule`.

A fixed cron is walked by local dates, one that keeps its beat by quarters of an hour. Only the
calendar rules, which dateutil reads, are taken from the rule itself.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

from dutiful.core.rule import Cron, Interval, between
from dutiful.core.schedule import Schedule

MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
QUARTER = 15 * MINUTE
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST = 10**9

odd: set[int] = set()
"""Instants that were found where the clocks leave out or repeat the wanted time."""


class Fields(NamedTuple):
    """A cron expression of the few shapes that this world has."""

    minute: int
    hours: tuple[int, ...]
    day: int | None
    weekday: int | None
    beat: bool


def named(schedule: Schedule, start: int, end: int) -> list[int]:
    """List the instants that a schedule names from ``start`` to ``end``, both included."""
    rule = schedule.rule
    if start > end:
        return []
    if isinstance(rule, Interval):
        first = -((rule.anchor - start) // rule.period)
        last = (end - rule.anchor) // rule.period
        found = [rule.anchor + turn * rule.period for turn in range(first, last + 1)]
    elif not isinstance(rule, Cron):
        return between(rule, start - 1, end, _MOST, schedule.bounds)
    else:
        fields = read(rule.expression)
        walk = _beaten if fields.beat else _fixed
        found = walk(fields, rule.zone, start, end)
    left_out = schedule.bounds.holidays
    zone = schedule.bounds.zone
    return [at for at in found if not any(_free(name, local(zone, at).date()) for name in left_out)]


def local(zone: str, at: int) -> datetime:
    """Return what the clocks of a zone show."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(_zone(zone))


@lru_cache
def read(expression: str) -> Fields:
    """Read an expression of this world."""
    minute, hour, day, _, weekday = expression.split()
    beat = hour.startswith("*")
    step = int(hour[2:] or 1) if beat else 1
    hours = tuple(range(0, 24, step)) if beat else tuple(int(part) for part in hour.split(","))
    of_week = None if weekday == "*" else int(weekday)
    return Fields(int(minute), hours, None if day == "*" else int(day), of_week, beat)


def _fixed(fields: Fields, zone: str, start: int, end: int) -> list[int]:
    found = set[int]()
    # A missing time may run up to a day after its date, where a zone has skipped a whole one.
    today, last = local(zone, start).date() - timedelta(2), local(zone, end).date()
    while today <= last:
        if _wanted(fields, today):
            found.update(first_pass(zone, today, hour, fields.minute) for hour in fields.hours)
        today += timedelta(1)
    return sorted(at for at in found if start <= at <= end)


def _wanted(fields: Fields, today: date) -> bool:
    if fields.day is not None and today.day != fields.day:
        return False
    return fields.weekday is None or today.isoweekday() % 7 == fields.weekday


@lru_cache(maxsize=100_000)
def first_pass(zone: str, today: date, hour: int, minute: int) -> int:
    """Return when the clocks first show a time, or the first instant after they leapt over it."""
    wall = datetime(today.year, today.month, today.day, hour, minute, tzinfo=_zone(zone))
    at = _instant(wall)
    if local(zone, at).replace(tzinfo=None) == wall.replace(tzinfo=None):
        if wall.utcoffset() != wall.replace(fold=1).utcoffset():
            odd.add(at)
        return at
    low, high = _instant(wall.replace(fold=1)), at
    after = local(zone, high).utcoffset()
    while high - low > 1_000_000:
        middle = (low + high) // 2_000_000 * 1_000_000
        low, high = (low, middle) if local(zone, middle).utcoffset() == after else (middle, high)
    odd.add(high)
    return high


def _beaten(fields: Fields, zone: str, start: int, end: int) -> list[int]:
    """Walk in quarters of an hour, by which all offsets of this world differ."""
    phase = fields.minute * MINUTE % QUARTER
    at = start + (phase - start) % QUARTER
    found: list[int] = []
    while at <= end:
        wall = local(zone, at)
        if wall.minute == fields.minute and wall.hour in fields.hours and not wall.second:
            found.append(at)
        at += QUARTER
    return found


@lru_cache(maxsize=100_000)
def _free(name: str, today: date) -> bool:
    return today in _holidays(name, today.year)


@lru_cache
def _holidays(name: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(name, years=year))


@lru_cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _instant(wall: datetime) -> int:
    return (wall.astimezone(UTC) - _EPOCH) // _MICROSECOND
