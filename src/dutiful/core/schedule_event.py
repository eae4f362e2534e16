"""What happens to schedules, as values; they are events like those of `event`."""

from __future__ import annotations

import msgspec


class OccurrenceLate(msgspec.Struct, frozen=True, tag=True):
    """An occurrence was enqueued late, or its job missed a deadline."""

    schedule: str
    planned: int
    seconds: float
    """How late it is so far."""
    what: str
    """``enqueued late``, ``not started in time`` or ``not finished in time``."""
    job_id: str | None = None


class OccurrenceMissed(msgspec.Struct, frozen=True, tag=True):
    """Occurrences that were due, or held, will not be made."""

    schedule: str
    planned: int
    """The latest of them."""
    count: int
    why: str = "no worker enqueued them in time"


class ScheduleBroken(msgspec.Struct, frozen=True, tag=True):
    """A schedule could not be advanced; it is tried again, and delays no other."""

    schedule: str
    error: str


class SchedulesDeclared(msgspec.Struct, frozen=True, tag=True):
    """The declared schedules of an app were written to the store."""

    app: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    retired: tuple[str, ...]
