"""Where time comes from: the system, or a test."""

from __future__ import annotations

import time
from time import clock_gettime_ns, time_ns
from typing import Protocol


class Clock(Protocol):
    """Two readings of time; engines and workers take one as an argument."""

    def now(self) -> int:
        """Return the present instant: microseconds since the epoch; may be stepped."""
        ...

    def ticks(self) -> int:
        """Return microseconds that only grow, shared by every process of a host until it reboots.

        They go on while a process is stopped or the host sleeps.
        """
        ...


_TICKING: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """The host's own clocks."""

    def now(self) -> int:
        """Return the wall clock in microseconds since the epoch."""
        return time_ns() // 1000

    def ticks(self) -> int:
        """Return ``CLOCK_BOOTTIME``, or the monotonic clock where there is none."""
        return clock_gettime_ns(_TICKING) // 1000
