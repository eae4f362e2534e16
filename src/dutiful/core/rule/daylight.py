"""The one rule for nights on which the clocks change, for every kind of wall-clock rule.

A rule says which wall times it wants (``Walls``). Here they become instants, one period
of constant offset after another, by what ``Dst`` says of missing and of repeated wall times.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import DAY
from dutiful.core.text import shown

from .zone import YEAR_MAX, YEAR_MIN, OffsetPeriod, new_year, offset_periods, year_of

HORIZON_YEARS = 100
"""How far a search goes. The rarest dates, 29 February on a given weekday, are 40 years apart."""

_OFFSET_MAX = 2 * DAY
"""More than any zone is away from UTC, with its changes."""

Missing = Literal["after", "skip"]
Repeated = Literal["first", "last", "both"]


class Dst(msgspec.Struct, frozen=True):
    """What becomes of wall times that a change of the clocks leaves out or repeats.

    ``missing``: ``after`` runs once, at the first instant after the missing range, however many
    times fell into it; ``skip`` leaves them out. ``repeated``: the ``first`` pass, the ``last``, or
    ``both``.
    """

    missing: Missing = "after"
    repeated: Repeated = "first"

    def __post_init__(self) -> None:
        """Refuse words that are not known."""
        if self.missing not in ("after", "skip"):
            raise BadSchedule(f'missing={shown(self.missing)}; choose "after" or "skip"')
        if self.repeated not in ("first", "last", "both"):
            raise BadSchedule(f'repeated={shown(self.repeated)}; choose "first", "last" or "both"')


FIXED = Dst("after", "first")
"""For times that the user named: each runs once."""
BEAT = Dst("skip", "both")
"""For wildcards: each time that the clock shows, so the interval stays the same on both nights."""


def check(dst: object) -> None:
    """Raise BadSchedule for a value that is neither a `Dst` nor None."""
    if dst is not None and not isinstance(dst, Dst):
        raise BadSchedule(f'dst={shown(dst)}; write dst=Dst(missing="skip", repeated="first")')


class Walls(Protocol):
    """The wall times that a rule wants, in microseconds."""

    def first(self, start: int, end: int) -> int | None:
        """Return the first wanted wall time from ``start`` up to, not including, ``end``."""
        ...

    def last(self, start: int, end: int) -> int | None:
        """Return the last wanted wall time from ``start`` up to, not including, ``end``."""
        ...


def after(walls: Walls, zone: str, dst: Dst, at: int) -> int | None:
    """Return the first planned instant after ``at``, or None when none is within the horizon."""
    year = year_of(at + 1)
    last = min(year + HORIZON_YEARS, YEAR_MAX)
    while year <= last:
        for period in offset_periods(zone, year):
            if period.end <= at + 1:
                continue
            if period.start > at and _leaps_over(walls, dst, period):
                return period.start
            low, high = _wanted(dst, period)
            found = walls.first(max(low, at + 1 + period.offset), high)
            if found is not None:
                return found - period.offset
        # Years without a wanted wall time are passed over: their changes need not be known.
        wall = walls.first(new_year(year + 1) - _OFFSET_MAX, new_year(last + 1))
        if wall is None:
            break
        year = max(year + 1, year_of(wall - _OFFSET_MAX))
    return None


def before_or_at(walls: Walls, zone: str, dst: Dst, at: int) -> int | None:
    """Return the last planned instant up to ``at``, or None when none is within the horizon."""
    year = year_of(at)
    earliest = max(year - HORIZON_YEARS, YEAR_MIN)
    while year >= earliest:
        for period in reversed(offset_periods(zone, year)):
            if period.start > at:
                continue
            low, high = _wanted(dst, period)
            found = walls.last(low, min(high, at + 1 + period.offset))
            if found is not None:
                return found - period.offset
            if _leaps_over(walls, dst, period):
                return period.start
        wall = walls.last(new_year(earliest), new_year(year) + _OFFSET_MAX)
        if wall is None:
            break
        year = min(year - 1, year_of(wall + _OFFSET_MAX))
    return None


def _wanted(dst: Dst, period: OffsetPeriod) -> tuple[int, int]:
    """Return the walls of a time range less those that run in a neighbour's pass."""
    low, high = period.start + period.offset, period.end + period.offset
    if dst.repeated == "first":
        low = max(low, period.start + period.before)
    elif dst.repeated == "last":
        high = min(high, period.end + period.after)
    return low, high


def _leaps_over(walls: Walls, dst: Dst, period: OffsetPeriod) -> bool:
    """Whether the change at a time range's start left out a wall time that must run."""
    missed = period.before < period.offset and dst.missing == "after"
    low, high = period.start + period.before, period.start + period.offset
    return missed and walls.first(low, high) is not None
