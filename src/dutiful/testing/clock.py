"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dutiful.core.instant import instant, span

_START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeClock:
    """Stand in for the host's clocks: pass it to an engine, then ``advance`` or ``step`` it.

    >>> clock = FakeClock()
    >>> before = clock.now()
    >>> clock.advance("1h")
    >>> clock.now() - before == clock.ticks() == 3_600_000_000
    True
    """

    def __init__(self, start: datetime = _START) -> None:
        """Stop the wall clock at an aware datetime, and the ticks at zero."""
        self._now = instant(start)
        self._ticks = 0

    def now(self) -> int:
        """Return the wall clock in microseconds since the epoch."""
        return self._now

    def ticks(self) -> int:
        """Return the microseconds by which the clock was advanced since it was made."""
        return self._ticks

    def advance(self, by: str | float | timedelta) -> None:
        """Let time pass: both readings grow."""
        passed = span(by)
        self._now += passed
        self._ticks += passed

    def step(self, by: str | float | timedelta) -> None:
        """Set the wall clock forward or back (``"-1h"``), as an operator or NTP would."""
        self._now += _signed(by)


def _signed(by: str | float | timedelta) -> int:
    if isinstance(by, str):
        text = by.strip()
        return -span(text[1:]) if text.startswith("-") else span(text)
    if isinstance(by, timedelta):
        return -span(-by) if by < timedelta(0) else span(by)
    return -span(-by) if _is_negative(by) else span(by)


def _is_negative(by: object) -> bool:
    return isinstance(by, int | float) and by < 0
