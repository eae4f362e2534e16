"""Stored numbers and JSON as Python values; nothing that a row may hold makes this fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, overload

from dutiful.core.errors import BadSchedule
from dutiful.core.instant import CALENDAR_FIRST, CALENDAR_LAST, DAY, SECOND, iso, moment

_DEPTH_MAX = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SPAN_END = 999_999_999 * DAY
"""The length that a timedelta can have in both directions."""


@overload
def when(at: int) -> datetime: ...
@overload
def when(at: int | None) -> datetime | None: ...
def when(at: int | None) -> datetime | None:
    """Turn a stored instant into a datetime in UTC.

    An instant outside of the years 1 to 9999, which only another program can have written, becomes
    the first or the last one that a datetime can hold.
    """
    return None if at is None else moment(min(max(at, CALENDAR_FIRST), CALENDAR_LAST))


def micros(at: datetime) -> int:
    """Turn a datetime of a record back into microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def length(microseconds: int) -> timedelta:
    """Turn a stored span into a timedelta; one beyond it becomes the longest or the shortest."""
    return timedelta(microseconds=min(max(microseconds, -_SPAN_END), _SPAN_END))


def spent(length: timedelta) -> int:
    """Turn a span of a record back into microseconds."""
    return length // _MICROSECOND


def local(at: int, zone: str) -> str:
    """Write an instant on the clocks of a zone, with the offset."""
    from dutiful.core.rule.zone import zone as zone_named  # which takes 8 ms of a command's start

    try:
        text = moment(at).astimezone(zone_named(zone))
    except (OverflowError, ValueError, BadSchedule):  # beyond the calendar, or no known zone
        return iso(at)
    places = "milliseconds" if at % SECOND else "seconds"
    return text.isoformat(" ", places)


def value(raw: bytes | None) -> Any:
    """Return stored JSON as a value; as text where it is not JSON or too deep for most readers."""
    if raw is None:
        return None
    try:
        found = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return raw.decode(errors="backslashreplace")
    return found if _shallow(found) else raw.decode(errors="backslashreplace")


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _shallow(found: Any) -> bool:
    """Whether a value is nested no deeper than our own writers let it be, with room to spare."""
    level: list[Any] = [found]
    for _ in range(_DEPTH_MAX):
        level = [part for one in level for part in _parts(one)]
        if not level:
            return True
    return False


def _parts(found: Any) -> tuple[Any, ...]:
    if _is(found, dict):
        return tuple(found.values())
    return tuple(found) if _is(found, list) else ()


def _is(found: object, kind: type) -> bool:
    return isinstance(found, kind)
