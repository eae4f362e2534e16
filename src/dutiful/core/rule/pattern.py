"""Which wall times a parsed cron expression wants, found without stepping through the rest."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from dutiful.core.instant import DAY, SECOND

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_SECONDS = 86_400
_CYCLE = 28 * 366
_LAST_WEEK = 6
_CLOSING = 26
"""The earliest day of a month that can be its last weekday."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A cron expression as sorted values; days are those of the month, or also of the week."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""
    nth: frozenset[tuple[int, int]]
    """Weekday and which of the month: 1 to 5, or 6 for the last."""
    last_day: bool
    last_weekday: bool
    both: bool
    """Whether a day must fit both day fields (one begins with a star) or either."""
    fixed: bool
    """Whether neither the minute nor the hour begins with a star."""

    def first(self, start: int, end: int) -> int | None:
        """Return the first wanted wall time from ``start`` up to, not including, ``end``."""
        day, second = divmod(-(-start // SECOND), _DAY_SECONDS)
        if self._wants(_date(day)):
            time = self._time_from(second)
            if time is not None:
                return _within(day, time, start, end)
        found = self._day_from(day + 1, end)
        return None if found is None else _within(found, self._time_from(0), start, end)

    def last(self, start: int, end: int) -> int | None:
        """Return the last wanted wall time from ``start`` up to, not including, ``end``."""
        day, second = divmod((end - 1) // SECOND, _DAY_SECONDS)
        if self._wants(_date(day)):
            time = self._time_to(second)
            if time is not None:
                return _within(day, time, start, end)
        found = self._day_to(day - 1, start)
        return None if found is None else _within(found, self._time_to(_DAY_SECONDS), start, end)

    def possible(self) -> bool:
        """Whether any day fits; 28 years from 2000 show every date on every weekday."""
        start = date(2000, 1, 1).toordinal() - _EPOCH_DAY
        return self._day_from(start, (start + _CYCLE) * DAY) is not None

    def _time_from(self, second: int) -> int | None:
        hour, rest = divmod(second, 3600)
        minute, second = divmod(rest, 60)
        if hour in self.hours:
            if minute in self.minutes and second <= self.seconds[-1]:
                place = bisect_left(self.seconds, second)
                return hour * 3600 + minute * 60 + self.seconds[place]
            place = bisect_left(self.minutes, minute + 1)
            if place < len(self.minutes):
                return hour * 3600 + self.minutes[place] * 60 + self.seconds[0]
        place = bisect_left(self.hours, hour + 1)
        if place == len(self.hours):
            return None
        return self.hours[place] * 3600 + self.minutes[0] * 60 + self.seconds[0]

    def _time_to(self, second: int) -> int | None:
        hour, rest = divmod(second, 3600)
        minute, second = divmod(rest, 60)
        if hour in self.hours:
            if minute in self.minutes and second >= self.seconds[0]:
                place = bisect_left(self.seconds, second + 1)
                return hour * 3600 + minute * 60 + self.seconds[place - 1]
            place = bisect_left(self.minutes, minute)
            if place:
                return hour * 3600 + self.minutes[place - 1] * 60 + self.seconds[-1]
        place = bisect_left(self.hours, hour)
        if not place:
            return None
        return self.hours[place - 1] * 3600 + self.minutes[-1] * 60 + self.seconds[-1]

    def _day_from(self, day: int, end: int) -> int | None:
        while day * DAY < end:
            today = _date(day)
            if today.month not in self.months:
                day = self._month_after(today)
            elif self._fits(today):
                return day
            else:
                day = self._day_after(day, today)
        return None

    def _day_to(self, day: int, start: int) -> int | None:
        while (day + 1) * DAY > start:
            today = _date(day)
            if today.month not in self.months:
                day = self._month_before(today)
            elif self._fits(today):
                return day
            else:
                day = self._day_before(day, today)
        return None

    def _month_after(self, today: date) -> int:
        """Return the first day of the next month that is wanted."""
        later = [month for month in self.months if month > today.month]
        month, year = (min(later), today.year) if later else (min(self.months), today.year + 1)
        return _day(date(year, month, 1))

    def _month_before(self, today: date) -> int:
        """Return the last day of the latest month before that is wanted."""
        earlier = [month for month in self.months if month < today.month]
        month, year = (max(earlier), today.year) if earlier else (max(self.months), today.year - 1)
        return _day(date(year, month, monthrange(year, month)[1]))

    def _day_after(self, day: int, today: date) -> int:
        """Pass over the days of a month that its field leaves out."""
        if not self.both or today.day + 1 in self.days:
            return day + 1
        later = [number for number in self.days if number > today.day]
        if self.last_day or self.last_weekday:
            later.append(max(today.day + 1, _CLOSING))
        if later and min(later) <= monthrange(today.year, today.month)[1]:
            return day + min(later) - today.day
        return self._month_after(today)

    def _day_before(self, day: int, today: date) -> int:
        """Pass over days of a month likewise, backwards."""
        if not self.both or today.day - 1 in self.days:
            return day - 1
        if (self.last_day or self.last_weekday) and today.day > _CLOSING:
            return day - 1
        earlier = [number for number in self.days if number < today.day]
        return day - today.day + max(earlier, default=0)

    def _wants(self, today: date) -> bool:
        return today.month in self.months and self._fits(today)

    def _fits(self, today: date) -> bool:
        if self.both:
            return self._fits_month(today) and self._fits_week(today)
        return self._fits_month(today) or self._fits_week(today)

    def _fits_month(self, today: date) -> bool:
        if today.day in self.days:
            return True
        if not (self.last_day or self.last_weekday):
            return False
        weekday, length = monthrange(today.year, today.month)
        if self.last_day and today.day == length:
            return True
        # Monday is 0 here: a month that ends on a Saturday or Sunday has its last weekday before.
        closing = (weekday + length - 1) % 7
        return self.last_weekday and today.day == length - max(0, closing - 4)

    def _fits_week(self, today: date) -> bool:
        weekday = today.isoweekday() % 7
        if weekday in self.weekdays:
            return True
        if not self.nth:
            return False
        if (weekday, (today.day + 6) // 7) in self.nth:
            return True
        ends = today.day + 7 > monthrange(today.year, today.month)[1]
        return ends and (weekday, _LAST_WEEK) in self.nth


def _date(day: int) -> date:
    return date.fromordinal(day + _EPOCH_DAY)


def _day(of: date) -> int:
    return of.toordinal() - _EPOCH_DAY


def _within(day: int, time: int | None, start: int, end: int) -> int | None:
    if time is None:
        return None
    wall = day * DAY + time * SECOND
    return wall if start <= wall < end else None
