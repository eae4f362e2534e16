"""What a job knows about its occurrence."""

from __future__ import annotations

from datetime import datetime

import msgspec

from dutiful.core.instant import moment
from dutiful.core.job import Job
from dutiful.core.rule.zone import zone as zone_named


class ThisOccurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence, as its job sees it; times are in the schedule's zone."""

    schedule: str
    planned: datetime
    """The instant that the rule names, however late the job runs."""
    previous: datetime | None = None
    """The planned instant before it, so that a report knows where it begins."""
    backfilled: bool = False
    by_hand: bool = False
    """Whether the schedule was run by hand; ``planned`` is the time of that run."""


def occurrence_of(job: Job) -> ThisOccurrence | None:
    """Read the occurrence from what the scheduler attached to its job.

    A client may use the same names for things of its own: then the job is no occurrence.
    """
    meta = job.meta
    if "schedule" not in meta or "planned" not in meta:
        return None
    try:
        zone = zone_named(meta.get("zone", "UTC"))
        planned = moment(int(meta["planned"])).astimezone(zone)
        before = meta.get("previous")
        previous = None if before is None else moment(int(before)).astimezone(zone)
    except (ValueError, OverflowError):
        return None
    return ThisOccurrence(
        schedule=meta["schedule"],
        planned=planned,
        previous=previous,
        backfilled="backfilled" in meta,
        by_hand="by_hand" in meta,
    )
