"""What a job knows of the occurrence that it is."""

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
    """Whether somebody ran the schedule now; ``planned`` is when they did."""


def occurrence_of(job: Job) -> ThisOccurrence | None:
    """Read the occurrence from what the scheduler attached to its job."""
    meta = job.meta
    if "schedule" not in meta or "planned" not in meta:
        return None
    zone = zone_named(meta.get("zone", "UTC"))
    previous = meta.get("previous")
    return ThisOccurrence(
        schedule=meta["schedule"],
        planned=moment(int(meta["planned"])).astimezone(zone),
        previous=None if previous is None else moment(int(previous)).astimezone(zone),
        backfilled="backfilled" in meta,
        by_hand="by_hand" in meta,
    )
