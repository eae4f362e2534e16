"""Cron expressions of five fields, of six with the second first, and their names (``@daily``)."""

from __future__ import annotations

import difflib
from functools import lru_cache

import msgspec

from dutiful.core.errors import BadSchedule
from dutiful.core.text import shown

from . import daylight, fields
from .daylight import BEAT, FIXED, Dst
from .pattern import Pattern
from .zone import zone

NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ELSEWHERE = {
    "@reboot": "a schedule has times; run what belongs to a start where the worker starts",
    "@every": 'use an interval: every="10m"',
}
_TEXT_MAX = 1_000
_FIELDS = (
    fields.SECOND,
    fields.MINUTE,
    fields.HOUR,
    fields.DAY,
    fields.MONTH,
    fields.WEEKDAY,
)


class Cron(msgspec.Struct, frozen=True, tag="cron", omit_defaults=True):
    """A cron expression on the clocks of a zone.

    Without ``dst`` an expression whose minute and hour do not begin with a star is fixed: each of
    its times runs once, also on the nights on which the clocks change. Any other keeps its
    interval: it runs at every time that the clock shows. The second does not count in this.
    """

    expression: str
    zone: str = "UTC"
    dst: Dst | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be read, never happens, or names no zone."""
        if type(self.expression) is not str:
            raise BadSchedule(
                f"cron {shown(self.expression)}: not text; "
                'write @app.cron("30 9 * * MON-FRI") above @app.task'
            )
        if len(self.expression) > _TEXT_MAX:
            raise BadSchedule(
                f"cron {shown(self.expression)}: {len(self.expression):,} characters; "
                f"use at most {_TEXT_MAX:,}"
            )
        pattern(self.expression)
        zone(self.zone)
        daylight.check(self.dst)

    @property
    def fixed(self) -> bool:
        """Whether neither the minute nor the hour begins with a star."""
        return pattern(self.expression).fixed

    def after(self, at: int) -> int | None:
        """Return the first planned instant after ``at``."""
        wanted = pattern(self.expression)
        return daylight.after(wanted, self.zone, self._dst(wanted), at)

    def before_or_at(self, at: int) -> int | None:
        """Return the last planned instant up to ``at``."""
        wanted = pattern(self.expression)
        return daylight.before_or_at(wanted, self.zone, self._dst(wanted), at)

    def _dst(self, wanted: Pattern) -> Dst:
        return self.dst or (FIXED if wanted.fixed else BEAT)


@lru_cache(maxsize=4096)
def pattern(expression: str) -> Pattern:
    """Read an expression; raises BadSchedule naming the field, the value and the allowed range."""
    try:
        found = _read(_split(expression))
    except BadSchedule as error:
        raise BadSchedule(f'cron "{expression}": {error}') from None
    if not found.possible():
        raise BadSchedule(
            f'cron "{expression}": this date never comes; no month of those named has that day'
        )
    return found


def _split(expression: str) -> list[str]:
    text = expression.strip()
    if text.startswith("@"):
        text = _named(text.lower())
    parts = text.upper().split()
    if len(parts) == 5:
        return ["0", *parts]
    if len(parts) == 6:
        return parts
    count = f"{len(parts)} field" + ("s" if len(parts) != 1 else "")
    hint = ', such as "30 9 * * MON-FRI"'
    if len(parts) == 4 and _readable(["0", *parts, "*"]):
        hint = f'; did you mean "{" ".join(parts)} *"?'
    elif len(parts) == 7 and _readable(parts[:6]):
        hint = f'; there is no field for the year: did you mean "{" ".join(parts[:6])}"?'
    raise BadSchedule(
        f"{count}; write 5 (minute, hour, day of month, month, day of week) or 6 with the second "
        f"first{hint}"
    )


def _readable(parts: list[str]) -> bool:
    """Whether an expression that a hint offers would be accepted."""
    try:
        return _read(parts).possible()
    except BadSchedule:
        return False


def _named(text: str) -> str:
    if text in NAMED:
        return NAMED[text]
    word, *rest = text.split()
    if word in NAMED:
        raise BadSchedule(f"{word} must stand alone; remove {shown(' '.join(rest))}")
    if word in _ELSEWHERE:
        raise BadSchedule(f"{word} is not a time; {_ELSEWHERE[word]}")
    near = difflib.get_close_matches(word, NAMED, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMED)}"
    raise BadSchedule(f"{word} is not known; {hint}")


def _read(parts: list[str]) -> Pattern:
    second, minute, hour, day, month, weekday = (
        fields.read(field, text) for field, text in zip(_FIELDS, parts, strict=True)
    )
    both = day.star or weekday.star
    # What a "#" leaves out of a month need not be looked at day by day.
    days = day.plain & _around(weekday.nth) if both and not weekday.plain else day.plain
    return Pattern(
        seconds=tuple(sorted(second.plain)),
        minutes=tuple(sorted(minute.plain)),
        hours=tuple(sorted(hour.plain)),
        days=days,
        months=month.plain,
        weekdays=weekday.plain,
        nth=weekday.nth,
        last_day=day.last_day,
        last_weekday=day.last_weekday,
        both=both,
        fixed=not (minute.star or hour.star),
    )


def _around(nth: frozenset[tuple[int, int]]) -> frozenset[int]:
    """Return the days of a month on which the first to fifth, or the last, of a weekday can be."""
    weeks = [(22, 31) if which == fields.LAST else (7 * which - 6, 7 * which) for _, which in nth]
    return frozenset(day for first, last in weeks for day in range(first, last + 1))
