"""Which wall times an RRULE wants, found day by day, and within a day by its lists of times.

A turn is one step of FREQ x INTERVAL: with ``FREQ=WEEKLY;INTERVAL=2`` every other week. Every
search has a budget: a rule whose parts rarely coincide is refused instead of searched further.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta
from functools import lru_cache

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import DAY, SECOND

from .days import LAST_DAY, Days
from .recurrence import Recurrence
from .times import Times

STEPS_MAX = 10_000
"""How many times that INTERVAL passes over are looked at in one search."""
LISTED_STEPS_MAX = 100_000
"""The same for all searches of a rule with COUNT, whose times are listed in one search."""
_DAY_SECONDS = 86_400
_HOUR = 3600
_UNITS = {"HOURLY": _HOUR, "MINUTELY": 60, "SECONDLY": 1}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall has no zone
_MICROSECOND = timedelta(microseconds=1)
_HIGHEST = (LAST_DAY + 1) * DAY


class RruleTimes:
    """The wall times of a rule from its start up to its end, in microseconds."""

    def __init__(self, rule: Recurrence, start: datetime) -> None:
        """Prepare the lists; nothing is searched yet."""
        self.fast = rule.freq in _UNITS
        """Whether it repeats hourly or faster."""
        self.begin = wall_of(start)
        self._high = _HIGHEST
        if rule.until is not None:
            # Only the caller, who knows the zone, knows whether an instant in UTC has passed.
            self._high = wall_of(rule.until) + (2 * DAY if rule.until_utc else 1)
        self._days = Days(rule, start)
        by_turn = bool(rule.positions) and rule.freq in ("YEARLY", "MONTHLY", "WEEKLY")
        self._times = Times(rule, () if by_turn else rule.positions)
        self._positions = rule.positions if by_turn else ()
        self._unit = _UNITS.get(rule.freq, 1)
        self._step = self._unit * rule.interval if self.fast else 1
        self._origin = self.begin // SECOND // self._unit * self._unit
        # Of a turn only the latest few are asked for again.
        self._chosen = lru_cache(maxsize=4)(self._choose)
        self.steps = 0
        """How many times the searches onwards have looked at."""

    def first(self, start: int, end: int) -> int | None:
        """Return the first wanted wall time from ``start`` up to, not including, ``end``."""
        start, end = max(start, self.begin), min(end, self._high)
        if start >= end:
            return None
        second, last = -(-start // SECOND), (end - 1) // SECOND
        for _ in range(STEPS_MAX):
            self.steps += 1
            found = self._after(second, last)
            if found is None or found > last:
                return None
            unit = found - found % self._unit
            if not (off := (unit - self._origin) % self._step):
                return found * SECOND
            second = unit + self._step - off
        raise BadSchedule(_SPENT)

    def last(self, start: int, end: int) -> int | None:
        """Return the last wanted wall time from ``start`` up to, not including, ``end``."""
        start, end = max(start, self.begin), min(end, self._high)
        if start >= end:
            return None
        second, first = (end - 1) // SECOND, -(-start // SECOND)
        for _ in range(STEPS_MAX):
            found = self._before(second, first)
            if found is None or found < first:
                return None
            unit = found - found % self._unit
            if not (off := (unit - self._origin) % self._step):
                return found * SECOND
            second = unit - off + self._unit - 1
        raise BadSchedule(_SPENT)

    def _after(self, second: int, last: int) -> int | None:
        """Return the first second of the lists from ``second`` on, INTERVAL of times aside."""
        day, time = divmod(second, _DAY_SECONDS)
        while (found := self._days.ahead(day, last // _DAY_SECONDS)) is not None:
            if found > day:
                time = 0
            if self._positions:
                chosen = self._chosen(self._days.turn(found))
                place = bisect_left(chosen, found * _DAY_SECONDS + time)
                if place < len(chosen):
                    return chosen[place]
                day, time = self._days.turn(found)[1] + 1, 0
                continue
            if (at := self._times.ahead(time)) is not None:
                return found * _DAY_SECONDS + at
            day, time = found + 1, 0
        return None

    def _before(self, second: int, first: int) -> int | None:
        """Return the last second of the lists up to ``second``, likewise."""
        day, time = divmod(second, _DAY_SECONDS)
        while (found := self._days.back(day, first // _DAY_SECONDS)) is not None:
            if found < day:
                time = _DAY_SECONDS - 1
            if self._positions:
                chosen = self._chosen(self._days.turn(found))
                place = bisect_right(chosen, found * _DAY_SECONDS + time)
                if place:
                    return chosen[place - 1]
                day, time = self._days.turn(found)[0] - 1, _DAY_SECONDS - 1
                continue
            if (at := self._times.back(time)) is not None:
                return found * _DAY_SECONDS + at
            day, time = found - 1, _DAY_SECONDS - 1
        return None

    def _choose(self, turn: tuple[int, int]) -> tuple[int, ...]:
        """Return what BYSETPOS chooses of the times of a turn, in order."""
        days: list[int] = []
        day, last = turn
        while (found := self._days.ahead(day, last)) is not None:
            days.append(found)
            day = found + 1
        size = len(days) * self._times.count
        places = {place - 1 if place > 0 else size + place for place in self._positions}
        chosen: list[int] = []
        for place in sorted(place for place in places if 0 <= place < size):
            which, time = divmod(place, self._times.count)
            chosen.append(days[which] * _DAY_SECONDS + self._times.nth(time))
        return tuple(chosen)


class Counted:
    """The wall times of a rule with COUNT: all of them, in order."""

    def __init__(self, turns: RruleTimes, count: int) -> None:
        """List them; BadSchedule when they reach too far, or take too many steps to find."""
        self.fast, self.begin = turns.fast, turns.begin
        found: list[int] = []
        end = turns.begin + _COUNTED
        at = turns.first(turns.begin, end)
        while at is not None and len(found) < count:
            found.append(at)
            if turns.steps > LISTED_STEPS_MAX:
                raise BadSchedule(
                    f"to list its COUNT of {count:,} times more than {LISTED_STEPS_MAX:,} were "
                    "looked at, as INTERVAL and the BY parts rarely meet; use UNTIL, or neither"
                )
            at = turns.first(at + SECOND, end)
        if at is None and found and len(found) < count:
            raise BadSchedule(f"COUNT {count} reaches beyond two centuries; use UNTIL, or neither")
        self._walls = tuple(found)

    def first(self, start: int, end: int) -> int | None:
        """Return the first wanted wall time from ``start`` up to, not including, ``end``."""
        place = bisect_left(self._walls, start)
        found = self._walls[place] if place < len(self._walls) else end
        return found if found < end else None

    def last(self, start: int, end: int) -> int | None:
        """Return the last wanted wall time from ``start`` up to, not including, ``end``."""
        place = bisect_left(self._walls, end)
        found = self._walls[place - 1] if place else start - 1
        return found if found >= start else None


_COUNTED = 200 * 366 * DAY
_SPENT = (
    f"it has no time among {STEPS_MAX:,} that were looked at, so INTERVAL and the BY parts may "
    "never meet; leave INTERVAL out, or begin at a time that the BY parts name"
)


def wall_of(moment: datetime) -> int:
    """Return what a clock on the wall shows, in microseconds."""
    return (moment - _EPOCH) // _MICROSECOND
