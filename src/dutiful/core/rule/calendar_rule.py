"""Calendar rules (RFC 5545 RRULE) on the clocks of a zone; they need python-dateutil.

dateutil counts from a rule's start, so a question about today costs all that was before. Here
every part that the start implies is written out first; then the rule can be counted from any
later turn of its interval, and a question costs about as much as its answer is far away.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import MAXYEAR, datetime, timedelta
from functools import lru_cache
from importlib import import_module
from itertools import islice
from typing import Any

import msgspec

from dutiful.core.errors import BadSchedule

from . import daylight
from .daylight import BEAT, FIXED, Dst
from .recurrence import Recurrence, read
from .zone import offset, zone

COUNT_MAX = 10_000
_BLOCKS_FAST = {"HOURLY": 2000, "MINUTELY": 720, "SECONDLY": 600}
# Few enough that a block is read within milliseconds, enough that few blocks are empty.
_BLOCKS = {"YEARLY": 8, "MONTHLY": 60, "WEEKLY": 104, "DAILY": 512, **_BLOCKS_FAST}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall has no zone
_MICROSECOND = timedelta(microseconds=1)
_HIGHEST = (datetime(MAXYEAR, 12, 31) - _EPOCH) // _MICROSECOND  # noqa: DTZ001 - likewise


class Calendar(msgspec.Struct, frozen=True, tag="calendar", omit_defaults=True):
    """An RRULE that begins at a local time, on the clocks of a zone.

    Its times are fixed ones, unless it repeats hourly or faster: then it keeps its beat.
    """

    rrule: str
    zone: str
    start: datetime
    dst: Dst | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be read, never happens, or names no zone."""
        if self.start.tzinfo is not None:
            raise BadSchedule(
                f"start={self.start.isoformat()} of a calendar rule is a local time in "
                f"{self.zone}: write it without an offset"
            )
        zone(self.zone)
        _turns(self.rrule, self.zone, self.start)

    def after(self, at: int) -> int | None:
        """Return the first planned instant after ``at``."""
        turns = _turns(self.rrule, self.zone, self.start)
        return daylight.after(turns, self.zone, self.dst or turns.dst, at)

    def before_or_at(self, at: int) -> int | None:
        """Return the last planned instant up to ``at``."""
        turns = _turns(self.rrule, self.zone, self.start)
        return daylight.before_or_at(turns, self.zone, self.dst or turns.dst, at)


class Turns:
    """The wall times of a rule without an end of its own, read in blocks of turns."""

    def __init__(self, rule: Recurrence, zone_name: str, start: datetime) -> None:
        """Find where the rule begins and ends; raises BadSchedule when it has no time at all."""
        self.dst = BEAT if rule.freq in _BLOCKS_FAST else FIXED
        self._rule = rule
        self._start = start
        self._low = _wall(start)
        self._high = _HIGHEST if rule.until is None else _until(rule, rule.until, zone_name) + 1
        self._block_turns = _BLOCKS[rule.freq]
        # One list for each rule would grow with the years asked for; the latest blocks suffice.
        self._block = lru_cache(maxsize=4)(self._read)
        if self.first(self._low, self._high) is None:
            raise BadSchedule("it never happens between its start and its end")

    def first(self, start: int, end: int) -> int | None:
        """Return the first wanted wall time from ``start`` up to, not including, ``end``."""
        start, end = max(start, self._low), min(end, self._high)
        while start < end:
            walls, beyond = self._block(self._number(start))
            place = bisect_left(walls, start)
            if place < len(walls):
                return walls[place] if walls[place] < end else None
            if beyond is None:
                return None
            start = beyond
        return None

    def last(self, start: int, end: int) -> int | None:
        """Return the last wanted wall time from ``start`` up to, not including, ``end``."""
        start, end = max(start, self._low), min(end, self._high)
        if start >= end:
            return None
        for number in range(self._number(end - 1), self._number(start) - 1, -1):
            walls, _ = self._block(number)
            place = bisect_left(walls, end)
            if place:
                return walls[place - 1] if walls[place - 1] >= start else None
        return None

    def _number(self, wall: int) -> int:
        moment = _EPOCH + wall * _MICROSECOND
        return max(0, self._rule.turn(self._start, moment)) // self._block_turns

    def _read(self, number: int) -> tuple[tuple[int, ...], int | None]:
        """Return the wall times of a block of turns, and the first one beyond it."""
        try:
            begin = self._rule.begin(self._start, number * self._block_turns)
        except OverflowError:
            return (), None
        try:
            end = _wall(self._rule.begin(self._start, (number + 1) * self._block_turns))
        except OverflowError:
            end = _HIGHEST
        walls: list[int] = []
        for moment in _occurrences(self._rule.text, begin):
            wall = _wall(moment)
            if wall >= end:
                return tuple(walls), wall
            walls.append(wall)
        return tuple(walls), None


class Counted:
    """The wall times of a rule with COUNT: all of them, in order."""

    def __init__(self, rule: Recurrence, start: datetime) -> None:
        """List them; a count that is too high to list is refused."""
        if rule.count is None or rule.count > COUNT_MAX:
            raise BadSchedule(f"COUNT {rule.count} is out of range 1-{COUNT_MAX}; use UNTIL")
        self.dst = BEAT if rule.freq in _BLOCKS_FAST else FIXED
        found = islice(_occurrences(rule.text, start), rule.count)
        self._walls = tuple(_wall(moment) for moment in found)
        if not self._walls:
            raise BadSchedule("it never happens after its start")

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


@lru_cache(maxsize=1024)
def _turns(text: str, zone_name: str, start: datetime) -> Turns | Counted:
    start = start.replace(microsecond=0)  # dateutil counts whole seconds
    try:
        rule = read(text, start)
        if rule.count is not None:
            return Counted(rule, start)
        return Turns(rule, zone_name, start)
    except BadSchedule as error:
        raise BadSchedule(f'calendar rule "{text}": {error}') from error


def _occurrences(text: str, start: datetime) -> Iterator[datetime]:
    try:
        rrule: Any = import_module("dateutil.rrule")
    except ImportError as error:
        raise BadSchedule(
            'calendar rules need python-dateutil; pip install "dutiful[calendars]"'
        ) from error
    try:
        found: Iterator[datetime] = iter(rrule.rrulestr(text, dtstart=start))
    except (ValueError, TypeError) as error:
        raise BadSchedule(f"{error}") from error
    return found


def _until(rule: Recurrence, until: datetime, zone_name: str) -> int:
    wall = _wall(until)
    return wall + offset(zone_name, wall) if rule.until_utc else wall


def _wall(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
