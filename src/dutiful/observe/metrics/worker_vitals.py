"""How a worker is at this moment, as numbers."""

from __future__ import annotations

import msgspec

from .labels import LabelValues
from .series import Point, Points


class WorkerVitals(msgspec.Struct, kw_only=True):
    """One worker; spans are seconds."""

    healthy: bool
    """Whether the process should go on: its loop answers."""
    ready: bool
    """Whether it may claim jobs: it is registered, its lease holds, and it is healthy."""
    problems: tuple[str, ...] = ()
    slots: int = 0
    used: int = 0
    blocked: int = 0
    """Slots whose job is past its timeout, or waits for the result of another job."""
    prefetched: int = 0
    lease_lag: float = 0.0
    loop_lag: float = 0.0
    longest: dict[str, float] = {}
    """By task, for how long its longest attempt has run."""
    resident_bytes: float = 0.0

    def points(self, process: str, tasks: LabelValues) -> Points:
        """Return the gauges of one process."""
        values = {
            "healthy": float(self.healthy),
            "ready": float(self.ready),
            "slots": self.slots,
            "slots_used": self.used,
            "slots_blocked": self.blocked,
            "prefetched_jobs": self.prefetched,
            "lease_lag_seconds": self.lease_lag,
            "loop_lag_seconds": self.loop_lag,
            "resident_bytes": self.resident_bytes,
        }
        found = {
            f"dutiful_worker_{name}": [Point((process,), value)] for name, value in values.items()
        }
        longest: dict[str, float] = {}
        for task, seconds in self.longest.items():
            shown = tasks.of(task)
            longest[shown] = max(seconds, longest.get(shown, 0.0))
        found["dutiful_worker_longest_attempt_seconds"] = [
            Point((process, task), seconds) for task, seconds in longest.items()
        ]
        return found
