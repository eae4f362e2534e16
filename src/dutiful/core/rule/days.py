"""The days on which an RRULE may have a time: INTERVAL and the parts about days."""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import MAXYEAR, date, datetime

from .recurrence import Recurrence

EPOCH_DAY = date(1970, 1, 1).toordinal()
LAST_DAY = date(MAXYEAR, 12, 31).toordinal() - EPOCH_DAY
_THURSDAY = 3
"""The weekday of the epoch."""


class Days:
    """The days on which a rule may have a time."""

    def __init__(self, rule: Recurrence, start: datetime) -> None:
        """Note where the turns of the rule are counted from."""
        self._rule = rule
        self._first = start.toordinal() - EPOCH_DAY
        self._month = start.year * 12 + start.month - 1
        self._week = self._first - ((self._first + _THURSDAY - rule.week_start) % 7)
        self._plain = frozenset(one.day for one in rule.weekdays if not one.nth)
        self._nth = frozenset((one.nth, one.day) for one in rule.weekdays if one.nth)
        self._of_month = rule.freq == "MONTHLY" or bool(rule.months)
        self._sought = {one.day for one in rule.weekdays} or set(range(7))

    def ahead(self, day: int, last: int) -> int | None:
        """Return the first wanted day from ``day`` to ``last``."""
        last = min(last, LAST_DAY)
        while day <= last:
            turn = self._passed_over(day)
            if turn is not None:
                day = turn[1] + 1
            elif (day + _THURSDAY) % 7 in self._sought and self._fits(day):
                return day
            else:
                day += 1
        return None

    def back(self, day: int, first: int) -> int | None:
        """Return the last wanted day from ``day`` back to ``first``."""
        day = min(day, LAST_DAY)
        while day >= first:
            turn = self._passed_over(day)
            if turn is not None:
                day = turn[0] - 1
            elif (day + _THURSDAY) % 7 in self._sought and self._fits(day):
                return day
            else:
                day -= 1
        return None

    def turn(self, day: int) -> tuple[int, int]:
        """Return the first and the last day of the week, month or year of a day."""
        if self._rule.freq == "WEEKLY":
            start = day - (day - self._week) % 7
            return start, start + 6
        today = _date(day)
        if self._rule.freq == "MONTHLY":
            return _month(today)
        return _day(today.year, 1, 1), _day(today.year, 12, 31)

    def _passed_over(self, day: int) -> tuple[int, int] | None:
        """Return the range of days around ``day`` that INTERVAL or BYMONTH leaves out, if any."""
        rule = self._rule
        if rule.interval > 1 and rule.freq in ("DAILY", "WEEKLY"):
            if (between := self._between_turns(day)) is not None:
                return between
        elif rule.interval > 1 and rule.freq in ("MONTHLY", "YEARLY"):
            today = _date(day)
            months = (today.year - self._month // 12) * 12
            if rule.freq == "MONTHLY":
                months += today.month - 1 - self._month % 12
            if months % (rule.interval * (1 if rule.freq == "MONTHLY" else 12)):
                return self.turn(day)
        if rule.months and (today := _date(day)).month not in rule.months:
            return _month(today)
        return None

    def _between_turns(self, day: int) -> tuple[int, int] | None:
        """Return the days between two turns of so many days or weeks, if ``day`` is one."""
        size = 7 if self._rule.freq == "WEEKLY" else 1
        begin = self._week if size == 7 else self._first
        off = (day - begin) % (size * self._rule.interval)
        if off < size:
            return None
        return day - off + size, day - off + size * self._rule.interval - 1

    def _fits(self, day: int) -> bool:
        """Whether the parts about days, other than BYMONTH, want a day."""
        rule = self._rule
        if not (rule.month_days or rule.year_days or rule.weeks or self._nth):
            return True
        today = _date(day)
        if rule.month_days and today.day not in rule.month_days:
            length = monthrange(today.year, today.month)[1]
            if today.day - length - 1 not in rule.month_days:
                return False
        if rule.year_days:
            number, length = _in_year(today)
            if number not in rule.year_days and number - length - 1 not in rule.year_days:
                return False
        if rule.weeks:
            week, weeks = _week(day, rule.week_start)
            if week not in rule.weeks and week - weeks - 1 not in rule.weeks:
                return False
        return not self._nth or self._is_nth(day, today)

    def _is_nth(self, day: int, today: date) -> bool:
        weekday = (day + _THURSDAY) % 7
        if weekday in self._plain:
            return True
        number, length = (
            (today.day, monthrange(today.year, today.month)[1])
            if self._of_month
            else _in_year(today)
        )
        ahead, back = (number - 1) // 7 + 1, (length - number) // 7 + 1
        return (ahead, weekday) in self._nth or (-back, weekday) in self._nth


def _week(day: int, week_start: int) -> tuple[int, int]:
    """Return the number of a day's week in the year that has most of it, and its last number."""
    start = day - (day + _THURSDAY - week_start) % 7
    year = _date(min(start + 3, LAST_DAY)).year
    first = _first_week(year, week_start)
    return (start - first) // 7 + 1, (_first_week(year + 1, week_start) - first) // 7


def _first_week(year: int, week_start: int) -> int:
    """Return the first day of the week that holds 4 January."""
    fourth = (date(min(year, MAXYEAR), 1, 4).toordinal() - EPOCH_DAY) + (
        365 if year > MAXYEAR else 0
    )
    return fourth - (fourth + _THURSDAY - week_start) % 7


def _in_year(today: date) -> tuple[int, int]:
    return today.timetuple().tm_yday, 366 if isleap(today.year) else 365


def _month(today: date) -> tuple[int, int]:
    length = monthrange(today.year, today.month)[1]
    return _day(today.year, today.month, 1), _day(today.year, today.month, length)


def _date(day: int) -> date:
    return date.fromordinal(day + EPOCH_DAY)


def _day(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - EPOCH_DAY
