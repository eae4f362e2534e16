"""Calendar rules (RFC 5545 RRULE) on the clocks of a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from dutiful.core.errors import BadOption, BadSchedule
from dutiful.core.instant import DAY, instant
from dutiful.core.text import shown

from . import daylight
from .daylight import BEAT, FIXED, Dst
from .recurrence import read
from .rrule_times import Counted, RruleTimes, wall_of
from .zone import zone

_OFFSET_MAX = 2 * DAY
"""More than any zone is away from UTC, with its changes."""


class Calendar(msgspec.Struct, frozen=True, tag="calendar", omit_defaults=True):
    """An RRULE that begins at a local time, on the clocks of a zone.

    Its times are fixed ones, unless it repeats hourly or faster: then it keeps its interval.
    """

    rrule: str
    zone: str
    start: datetime
    dst: Dst | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be read, never happens, takes too long, or names no zone."""
        if type(self.rrule) is not str:
            raise BadSchedule(
                f"calendar rule {shown(self.rrule)}: it is not text; "
                'write "FREQ=MONTHLY;BYDAY=-1FR"'
            )
        zone(self.zone)
        _check_start(self.start, self.zone)
        daylight.check(self.dst)
        walls, _ = _walls(self.rrule, self.start)
        try:
            first = self.after(walls.begin - _OFFSET_MAX)
            if first is not None:
                self.after(first)  # the second may be out of reach as well
        except BadSchedule as error:
            raise _named(self.rrule, error) from error
        if first is None:
            raise _named(self.rrule, "it never happens between its start and its end")

    def after(self, at: int) -> int | None:
        """Return the first planned instant after ``at``."""
        walls, until = _walls(self.rrule, self.start)
        dst = self.dst or (BEAT if walls.fast else FIXED)
        found = daylight.after(walls, self.zone, dst, at)
        return None if found is None or (until is not None and found > until) else found

    def before_or_at(self, at: int) -> int | None:
        """Return the last planned instant up to ``at``."""
        walls, until = _walls(self.rrule, self.start)
        dst = self.dst or (BEAT if walls.fast else FIXED)
        end = at if until is None else min(at, until)
        return daylight.before_or_at(walls, self.zone, dst, end)


def _check_start(start: datetime, zone_name: str) -> None:
    if not isinstance(start, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped
        raise BadSchedule(
            f"start={shown(start)} of a calendar rule is not a datetime; "
            "write datetime(2026, 1, 1, 9)"
        )
    if start.tzinfo is not None:
        raise BadSchedule(
            f"start={start.isoformat()} of a calendar rule is a local time in "
            f"{zone_name}: write it without an offset"
        )
    try:
        instant(start.replace(tzinfo=UTC))
    except BadOption as error:
        raise BadSchedule(f"start of a calendar rule: {error}") from error


@lru_cache(maxsize=256)
def _walls(text: str, start: datetime) -> tuple[RruleTimes | Counted, int | None]:
    """Return the wall times of a rule, and the instant after which it has none."""
    start = start.replace(microsecond=0)  # an RRULE counts whole seconds
    try:
        rule = read(text, start)
        turns = RruleTimes(rule, start)
        until = wall_of(rule.until) if rule.until is not None and rule.until_utc else None
        return turns if rule.count is None else Counted(turns, rule.count), until
    except BadSchedule as error:
        raise _named(text, error) from error


def _named(text: str, error: object) -> BadSchedule:
    return BadSchedule(f'calendar rule "{text[:200]}": {error}')
