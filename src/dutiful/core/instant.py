"""Instants and spans as whole microseconds, so that arithmetic is exact in every store."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from operator import index
from typing import SupportsFloat, SupportsIndex, cast

from .errors import BadOption
from .text import shown

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SPAN_MAX = 100 * 366 * DAY
"""The longest span that may be given: a century."""
YEAR_FIRST, YEAR_LAST = 1000, 8999
"""The first and last year of an instant that may be given.

An instant plus a few of the longest spans is still a date in every zone, and fits every store.
"""

CALENDAR_FIRST, CALENDAR_LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The instants of the years 1 to 9999."""
_CYCLE = 146_097 * DAY
"""Four hundred years, after which the calendar begins again."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
EARLIEST = (datetime(YEAR_FIRST, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_INSTANT_END = (datetime(YEAR_LAST + 1, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
_EXAMPLE = "write datetime(..., tzinfo=ZoneInfo('...'))"
_UNITS = {"us": 1, "ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPANS = '"30s", "10m", "1h30m" or "7d"'
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w)\s*", re.ASCII)
_TEXT_MAX = 1000


def instant(moment: datetime) -> int:
    """Turn an aware datetime into microseconds since the epoch.

    BadOption for a naive one, and for one outside of the years `YEAR_FIRST` to `YEAR_LAST`.
    """
    return within_years(_micros(moment), moment)


def within_years(at: int, written: object) -> int:
    """Return an instant that was given as ``written``; BadOption where it is out of bounds."""
    if not EARLIEST <= at < _INSTANT_END:
        raise BadOption(
            f"{_spelled(written)} is out of range; give a time in the years "
            f"{YEAR_FIRST} to {YEAR_LAST}"
        )
    return at


def _micros(moment: datetime) -> int:
    if not isinstance(moment, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped
        raise BadOption(f"{shown(moment)} is not a datetime; {_EXAMPLE}")
    try:
        if moment.utcoffset() is None:
            raise BadOption(f"{moment.isoformat()} has no time zone; {_EXAMPLE}")
        return (moment - _EPOCH) // _MICROSECOND
    except BadOption:
        raise
    except Exception as error:  # a tzinfo may be user code
        raise BadOption(f"{shown(moment)} cannot be placed in time: {error}") from error


def _spelled(written: object) -> str:
    return written.isoformat() if isinstance(written, datetime) else shown(written)


def local_instant(moment: datetime) -> int:
    """Turn a local time that a user wrote into an instant; an ambiguous one asks which is meant.

    On the nights on which the clocks change a wall time may come twice or not at all. ``fold=1``
    means the second pass; ``fold=0`` is the default, so it means nothing.
    """
    at = instant(moment)
    first, last = moment.replace(fold=0), moment.replace(fold=1)
    before, after = first.utcoffset(), last.utcoffset()
    if before is None or after is None or before == after or (before > after and moment.fold):
        return at
    if before > after:
        happens, sides = "comes twice", ("the first", "the second")
        moments = [first, last]
    else:
        happens, sides = "never comes", ("before the change", "after it")
        moments = [(each.astimezone(UTC)).astimezone(first.tzinfo) for each in (last, first)]
    choices = " or ".join(
        f'datetime.fromisoformat("{each.isoformat()}") for {side}'
        for each, side in zip(moments, sides, strict=True)
    )
    written = moment.replace(tzinfo=None).isoformat()
    raise BadOption(
        f"{written} {happens} in {moment.tzinfo}, where the clocks change; write {choices}"
    )


def moment(at: int) -> datetime:
    """Turn microseconds since the epoch into an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=at)


def iso(at: int) -> str:
    """Write an instant as ISO 8601 in UTC, also outside of the years that Python's calendar has.

    Such a year has a sign, as the standard demands. The Gregorian calendar repeats itself.

    >>> iso(0), iso(2**63 - 1)
    ('1970-01-01T00:00:00.000000Z', '+294247-01-10T04:00:54.775807Z')
    """
    cycles = 0 if CALENDAR_FIRST <= at <= CALENDAR_LAST else (at - CALENDAR_FIRST) // _CYCLE
    text = moment(at - cycles * _CYCLE).isoformat(timespec="microseconds")
    if cycles:
        text = f"{int(text[:4]) + 400 * cycles:+05d}{text[4:]}"
    return text.replace("+00:00", "Z")


def span(value: str | float | timedelta) -> int:
    """Read a length of time as microseconds: ``"1h30m"``, ``"250ms"``, seconds, a timedelta.

    BadOption for what is negative, endless or longer than `SPAN_MAX`.

    >>> span("1m30s") == span(90) == span(timedelta(seconds=90)) == 90_000_000
    True
    """
    micros = _length(value)
    if micros > SPAN_MAX:
        raise BadOption(f"{shown(value)} is longer than a century, the longest span there is")
    return micros


def span_up_to(value: str | float | timedelta, most: int) -> int:
    """Read a length of time and limit it to ``most``, for values from the outside world.

    >>> span_up_to("999999999w", DAY) == DAY
    True
    """
    return min(_length(value), most)


def seconds(value: str | float | timedelta) -> float:
    """Read a length of time as seconds.

    >>> seconds("1m30s")
    90.0
    """
    return span(value) / SECOND


def _length(value: object) -> int:
    try:
        micros = _counted(value)
    except (ArithmeticError, TypeError, ValueError) as error:  # infinity, NaN, None
        raise BadOption(f"{shown(value)} is not a length of time; write {_SPANS}") from error
    if micros < 0:
        raise BadOption(f"{shown(value)} is a negative length of time")
    return micros


def _counted(value: object) -> int:
    if isinstance(value, timedelta):
        return value // _MICROSECOND
    if isinstance(value, str):
        return _parse(value)
    if isinstance(value, bool):
        raise TypeError("True and False are not lengths of time")
    if hasattr(type(value), "__index__"):  # also numbers that wrap around when multiplied
        return index(cast(SupportsIndex, value)) * SECOND
    if not hasattr(type(value), "__float__"):  # `float` reads bytes, as if they were text
        raise TypeError("no number")
    return round(float(cast(SupportsFloat, value)) * SECOND)


def _parse(text: str) -> int:
    position, total = 0, 0.0
    stripped = text.strip() if len(text) <= _TEXT_MAX else ""
    while match := _PART.match(stripped, position):
        total += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    if not stripped or position != len(stripped):
        raise BadOption(f"{shown(text)} is not a length of time; write {_SPANS}")
    return round(total)


def spell(micros: int) -> str:
    """Write a span as a person would: ``1h30m``, ``250ms``.

    >>> spell(90 * 60 * SECOND), spell(250_000), spell(0)
    ('1h30m', '250ms', '0s')
    """
    if 0 < micros < SECOND:
        return f"{micros / 1000:g}ms"
    parts: list[str] = []
    rest = micros
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    if rest or not parts:
        # Six places are exact, and never an exponent, which `span` could not read back.
        parts.append(f"{rest / SECOND:.6f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)
