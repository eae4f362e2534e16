"""Fixed intervals: the k-th instant is anchor + k x period, so nothing can drift."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from dutiful.core.errors import BadOption, BadSchedule
from dutiful.core.instant import SPAN_MAX, instant, span, spell, within_years
from dutiful.core.text import shown

from .zone import YEAR_MAX, new_year

PERIOD_MIN = 1000
"""What a person may ask for; more often than each millisecond no store keeps up."""
_END = new_year(YEAR_MAX + 1)
"""Where the rules on the clocks of a zone end as well."""


class Interval(msgspec.Struct, frozen=True, tag="interval"):
    """Every ``period`` microseconds; ``anchor`` sets the phase, not the start."""

    period: int
    anchor: int = 0

    @classmethod
    def every(cls, period: str | float | timedelta, *, anchor: datetime | None = None) -> Interval:
        """Read a period as people write it: ``"10m"``, seconds, a timedelta.

        >>> Interval.every("90s") == Interval.every(90) == Interval(90_000_000)
        True
        """
        length = span(period)
        if 0 < length < PERIOD_MIN:
            raise BadSchedule(f"every {period!r}; the shortest period is {spell(PERIOD_MIN)}")
        try:
            return cls(length, 0 if anchor is None else instant(anchor))
        except BadOption as error:
            raise BadOption(f"anchor: {error}") from error

    def __post_init__(self) -> None:
        """Refuse a period that is not longer than nothing."""
        if type(self.period) is not int:
            raise BadSchedule(f'period={shown(self.period)}; write Interval.every("10s")')
        if self.period <= 0:
            raise BadSchedule(f"period={self.period}; an interval must be longer than zero")
        if self.period > SPAN_MAX:
            raise BadSchedule(f"period={shown(self.period)}; an interval is a century at most")
        if type(self.anchor) is not int:
            raise BadSchedule(
                f"anchor={shown(self.anchor)}; write Interval.every(..., anchor=datetime(...))"
            )
        try:
            within_years(self.anchor, self.anchor)
        except BadOption as error:
            raise BadSchedule(f"anchor={error}") from error

    def after(self, at: int) -> int | None:
        """Return the first planned instant after ``at``; None where calendars end."""
        found = self.anchor + ((at - self.anchor) // self.period + 1) * self.period
        return found if found < _END else None

    def before_or_at(self, at: int) -> int | None:
        """Return the last planned instant up to ``at``."""
        at = min(at, _END - 1)
        return self.anchor + (at - self.anchor) // self.period * self.period
