"""Rules of schedules: which instants are planned. Values in, values out, in microseconds UTC.

Each rule is plain data, is checked where it is made, and answers three questions. The calendars
extra (holidays) is loaded when such a rule is made, and not before.
"""

from __future__ import annotations

import msgspec

from .bounds import Bounds
from .calendar_rule import Calendar
from .cron import Cron
from .dates import Dates
from .daylight import Dst
from .interval import Interval
from .jitter import jittered
from .planning import Rule, after, before_or_at, between, endless_and_empty
from .zone import Change, at_wall, changes, day_of

__all__ = [
    "Bounds",
    "Calendar",
    "Change",
    "Cron",
    "Dates",
    "Dst",
    "Interval",
    "Rule",
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
