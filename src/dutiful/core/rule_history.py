"""What becomes of instants that were due when their schedule was changed.

They belong to the rule that planned them: it says which they are, and what to do with those that
are late. Their jobs are the new schedule's, as it is the new code that runs them. So the stored
schedule keeps its earlier times until none of them is left.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from .errors import BadSchedule
from .occurrence import Standing
from .schedule import Former, Schedule, planned_after, read, written

FORMER_MAX = 10
"""How many changes are remembered; a rule that comes after that has no instants of its own."""

_TIMES = ("rule", "bounds", "misfire", "misfire_max", "misfire_window", "late_after")


def remembering(standing: Standing, schedule: Schedule, now: int) -> Schedule:
    """Return a schedule's new form, which remembers by what its due instants go."""
    try:
        before = read(standing.spec)
        planned_after(before, now)
    except Exception:  # noqa: BLE001 - a rule that is broken must not break the one that fixes it
        return schedule
    return replace(schedule, former=_former(standing, before, schedule, now))


def as_declared(spec: bytes) -> bytes:
    """Return a stored schedule as it was declared."""
    try:
        schedule = read(spec)
    except BadSchedule:
        return spec
    return written(replace(schedule, former=None, born=None))


def in_course(schedule: Schedule, planned: int) -> tuple[Schedule, int | None]:
    """Return a schedule with the times by which an instant goes, and until when they held."""
    found, former = schedule, schedule.former
    until = None
    while former is not None and planned <= former.until:
        found, until = replace(schedule, **_times(former)), former.until
        former = former.former
    return found, until


def following(schedule: Schedule, planned: int) -> int | None:
    """Return the next planned instant, whichever rule it belongs to."""
    while True:
        known, until = in_course(schedule, planned + 1)
        found = planned_after(known, planned)
        if until is None or (found is not None and found <= until):
            return found
        planned = until


def _former(standing: Standing, before: Schedule, schedule: Schedule, now: int) -> Former | None:
    earlier = before.former
    if earlier is not None and (standing.next is None or standing.next > earlier.until):
        earlier = None
    times = _times(before)
    if times == _times(schedule):
        return earlier
    if earlier is not None and _depth(earlier) >= FORMER_MAX:
        return replace(earlier, until=now)
    return Former(**times, until=now, former=earlier)


def _times(of: Schedule | Former) -> dict[str, Any]:
    return {name: getattr(of, name) for name in _TIMES}


def _depth(former: Former | None) -> int:
    return 0 if former is None else 1 + _depth(former.former)
