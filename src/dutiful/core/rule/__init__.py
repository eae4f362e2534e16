"""Rules of schedules: which instants are planned. Values in, values out, in microseconds UTC.

Each rule is plain data, is checked where it is made, and answers three questions. The calendars
extra (holidays) is loaded when such a rule is made, and not before.
"""

from __future__ import annotations

import msgspec

from .bounds import RuleBounds
from .calendar_rule import Calendar
from .cron import Cron
from .dates import Dates
from .daylight import Dst
from .interval import Interval
from .jitter import jittered
from .planning import Rule, after, before_or_at, between, endless_and_empty
from .zone import OffsetChange, at_wall, changes, day_of

__all__ = [
    "Calendar",
    "Cron",
    "Dates",
    "Dst",
    "Interval",
    "OffsetChange",
    "Rule",
    "RuleBounds",
    "after",
    "at_wall",
    "before_or_at",
    "between",
    "changes",
    "day_of",
    "endless_and_empty",
    "jittered",
    "read_rule",
    "write_rule",
]

_READER: msgspec.json.Decoder[Rule] = msgspec.json.Decoder(Rule)


def write_rule(rule: Rule) -> bytes:
    """Write a rule as JSON."""
    return msgspec.json.encode(rule)


def read_rule(text: bytes | str) -> Rule:
    """Read what ``write_rule`` wrote; raises BadSchedule when the rule no longer holds here."""
    return _READER.decode(text)
