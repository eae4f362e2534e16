"""Instants and spans as whole microseconds, so that arithmetic is exact in every store."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from .errors import BadOption

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNITS = {"us": 1, "ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPANS = '"30s", "10m", "1h30m" or "7d"'
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w)\s*")


def instant(moment: datetime) -> int:
    """Turn an aware datetime into microseconds since the epoch; a naive one is refused."""
    if moment.tzinfo is None:
        raise BadOption(
            f"{moment.isoformat()} has no time zone; write datetime(..., tzinfo=ZoneInfo('...'))"
        )
    return (moment - _EPOCH) // _MICROSECOND


def local_instant(moment: datetime) -> int:
    """Turn a local time that somebody wrote into an instant; a doubtful one asks which is meant.

    On the nights on which the clocks change a wall time may come twice or not at all. ``fold=1``
    says the second pass; ``fold=0`` is what everybody writes, so it says nothing.
    """
    first, last = moment.replace(fold=0), moment.replace(fold=1)
    before, after = first.utcoffset(), last.utcoffset()
    if before is None or after is None or before == after or (before > after and moment.fold):
        return instant(moment)
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


def span(value: str | float | timedelta) -> int:
    """Read a length of time as microseconds: ``"1h30m"``, ``"250ms"``, seconds, a timedelta.

    >>> span("1m30s") == span(90) == span(timedelta(seconds=90)) == 90_000_000
    True
    """
    try:
        if isinstance(value, timedelta):
            micros = value // _MICROSECOND
        else:
            micros = _parse(value) if isinstance(value, str) else round(value * SECOND)
    except (OverflowError, TypeError, ValueError) as error:  # infinity, NaN, None
        raise BadOption(f"{value!r} is not a length of time; write {_SPANS}") from error
    if micros < 0:
        raise BadOption(f"{value!r} is a negative length of time")
    return micros


def _parse(text: str) -> int:
    position, total = 0, 0.0
    stripped = text.strip()
    while match := _PART.match(stripped, position):
        total += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    if not stripped or position != len(stripped):
        raise BadOption(f"{text!r} is not a length of time; write {_SPANS}")
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
