"""Rules of schedules: which instants are planned. Values in, values out, in microseconds UTC.

Each rule is plain data, is checked where it is made, and answers three questions.
"""

from __future__ import annotations

import msgspec

from .calendar_rule import Calendar
from .cron import Cron
from .dates import Dates
from .daylight import Dst
from .interval import Interval
from .zone import Change, changes

__all__ = [
    "Calendar",
    "Change",
    "Cron",
    "Dates",
    "Dst",
    "Interval",
    "Rule",
    "after",
    "before_or_at",
    "between",
    "changes",
    "read_rule",
    "write_rule",
]

Rule = Cron | Interval | Calendar | Dates

_READER: msgspec.json.Decoder[Rule] = msgspec.json.Decoder(Rule)


def after(rule: Rule, instant: int) -> int | None:
    """Return the first planned instant strictly after ``instant``, or None when there is none."""
    return rule.after(instant)


def before_or_at(rule: Rule, instant: int) -> int | None:
    """Return the latest planned instant at or before ``instant``, or None when there is none."""
    return rule.before_or_at(instant)


def between(rule: Rule, start: int, end: int, limit: int) -> list[int]:
    """List the first planned instants after ``start`` and up to ``end``, ``limit`` at most."""
    found: list[int] = []
    at = rule.after(start)
    while at is not None and at <= end and len(found) < limit:
        found.append(at)
        at = rule.after(at)
    return found


def write_rule(rule: Rule) -> bytes:
    """Write a rule as JSON."""
    return msgspec.json.encode(rule)


def read_rule(text: bytes | str) -> Rule:
    """Read a rule that ``write_rule`` wrote; raises BadSchedule when it no longer holds here."""
    return _READER.decode(text)


class Exclusion(msgspec.Struct, frozen=True):
    days: tuple[str, ...] = ()


def excluded(exclusion, instant):
    return False


def jitter_of(name, planned, jitter):
    return 0


def zone_of(rule):
    return getattr(rule, "zone", None)
