"""The three questions that every rule answers, within the bounds of its schedule."""

from __future__ import annotations

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import DAY

from .bounds import RuleBounds
from .calendar_rule import Calendar
from .cron import Cron
from .dates import Dates
from .daylight import HORIZON_YEARS
from .interval import Interval

Rule = Cron | Interval | Calendar | Dates

_HORIZON = HORIZON_YEARS * 366 * DAY
_ALWAYS = RuleBounds()
LEFT_OUT_MAX = 2_000
"""How many days in a row may be left out before the search is given up."""
_LEFT_OUT = (
    f"more than {LEFT_OUT_MAX:,} of its days in a row are left out; leave out fewer, or end it"
)
_DOUBT = 20 * 366 * DAY
"""An instant that no holiday calendar knows counts as left out after so long a time of others."""


def after(rule: Rule, instant: int, bounds: RuleBounds = _ALWAYS) -> int | None:
    """Return the first planned instant strictly after ``instant``; None when a century has none."""
    if bounds.start is not None:
        instant = max(instant, bounds.start - 1)
    latest = instant + _HORIZON
    if bounds.end is not None:
        latest = min(latest, bounds.end)
    found = first = rule.after(instant)
    for _ in range(LEFT_OUT_MAX):
        if found is None or first is None or found > latest:
            return None
        if not bounds.leaves_out(found):
            return None if found - first > _DOUBT and bounds.unknown(found) else found
        found = rule.after(bounds.day(found)[1])
    raise BadSchedule(_LEFT_OUT)


def endless_and_empty(rule: Rule, instant: int, bounds: RuleBounds) -> bool:
    """Whether a rule goes on for decades and everything that it plans is left out."""
    if bounds.end is not None or not (bounds.days or bounds.holidays):
        return False
    return rule.after(instant + _DOUBT) is not None and after(rule, instant, bounds) is None


def before_or_at(rule: Rule, instant: int, bounds: RuleBounds = _ALWAYS) -> int | None:
    """Return the latest planned instant at or before ``instant``; None when a century has none."""
    if bounds.end is not None:
        instant = min(instant, bounds.end)
    earliest = instant - _HORIZON
    if bounds.start is not None:
        earliest = max(earliest, bounds.start)
    found = last = rule.before_or_at(instant)
    for _ in range(LEFT_OUT_MAX):
        if found is None or last is None or found < earliest:
            return None
        if not bounds.leaves_out(found):
            return None if last - found > _DOUBT and bounds.unknown(found) else found
        found = rule.before_or_at(bounds.day(found)[0] - 1)
    raise BadSchedule(_LEFT_OUT)


def between(
    rule: Rule, start: int, end: int, limit: int, bounds: RuleBounds = _ALWAYS
) -> list[int]:
    """List the first planned instants after ``start`` and up to ``end``, ``limit`` at most."""
    found: list[int] = []
    at = start
    while len(found) < limit:
        following = after(rule, at, bounds)
        if following is None or following > end:
            break
        found.append(following)
        at = following
    return found
