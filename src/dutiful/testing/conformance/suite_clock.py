"""The clock of a test: one that the test moves by hand, or real time that is kept short."""

from __future__ import annotations

import time
from datetime import timedelta

from dutiful.contract.clock import SystemClock
from dutiful.core.instant import SECOND, span
from dutiful.testing.clock import FakeClock


class RealTime(SystemClock):
    """Real time, for a store whose clock no test can move: `advance` lets it pass.

    ``unit`` is the span by which the tests delay jobs, prolong leases and wait: at least the
    shortest one that the store supports (one second on Amazon SQS). A test that needs more than
    ``longest`` is skipped. ``slack`` is added to each wait, for a store with its own timers.
    """

    def __init__(
        self,
        unit: str | float | timedelta = "200ms",
        *,
        longest: str | float | timedelta = "1s",
        slack: str | float | timedelta = "20ms",
    ) -> None:
        """Take spans; see the class."""
        self.unit = span(unit)
        self.longest = span(longest)
        self._slack = span(slack)

    def advance(self, by: str | float | timedelta) -> None:
        """Block until so much time has passed, and the slack."""
        until = self.ticks() + span(by) + self._slack
        while (left := until - self.ticks()) > 0:
            time.sleep(left / SECOND)

    def step(self, by: str | float | timedelta) -> None:
        """Refuse: a test that sets the wall clock is marked with ``needs_step``."""
        raise AssertionError("this clock is real: mark the test with needs_step")


SuiteClock = FakeClock | RealTime


def by_hand(clock: SuiteClock) -> bool:
    """Whether tests move the clock, and it stands still otherwise."""
    return not isinstance(clock, RealTime)


def longest(clock: SuiteClock) -> int | None:
    """Return the microseconds that a test may let pass, None for as many as it likes."""
    return clock.longest if isinstance(clock, RealTime) else None


def unit(clock: SuiteClock) -> int:
    """Return the microseconds by which tests delay and wait where no length matters."""
    return clock.unit if isinstance(clock, RealTime) else 10 * SECOND


def pass_unit(clock: SuiteClock, times: float = 1) -> None:
    """Let some units pass."""
    clock.advance(unit(clock) * times / SECOND)
