"""The plans that look for rows which cannot be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dutiful.contract import records, stored
from dutiful.contract.page import Finding
from dutiful.contract.statement import Plan, Statement
from dutiful.core.job import Job

from .rows import job_of
from .statements import sql

MOST = 1000
"""How many jobs are looked for at most."""

_PAGE = 10_000
_FIRST = -(2**63)
_SUSPECTS = sql("suspects")
_JOBS_OF_ROWS = sql("jobs_of_rows")
_STANDINGS = sql("standings")
_WORKERS = sql("workers")
_ODD = sql("odd")


def unreadable_jobs() -> Plan[dict[int, Job]]:
    """Find the jobs that cannot be read, by the numbers of their rows."""
    found: dict[int, Job] = {}
    after = _FIRST
    while len(found) < MOST:
        rows = (yield Statement(_SUSPECTS, (after, _PAGE))).rows
        suspects = [row[0] for row in rows if not _sound(row)]
        if suspects:
            for row in (yield Statement(_JOBS_OF_ROWS, (json.dumps(suspects),))).rows:
                job = job_of(row)
                if job.unreadable is not None:
                    found[row[0]] = job
        if len(rows) < _PAGE:
            break
        after = rows[-1][0]
    return found


def look_for_unreadable(workers: Sequence[Any]) -> Plan[Finding]:
    """Report how many rows cannot be read; the statuses of the workers are passed in."""
    jobs = yield from unreadable_jobs()
    schedules = (yield Statement(_STANDINGS)).rows
    counts = {
        "job": len(jobs),
        "schedule": sum(records.standing(row).unreadable is not None for row in schedules),
        "worker": sum(worker.unreadable is not None for worker in workers),
    }
    counts |= dict((yield Statement(_ODD)).rows)
    return records.finding(counts, MOST)


def _sound(row: Sequence[Any]) -> bool:
    _, typed, texts, tags, meta = row
    if not typed or type(texts) is not str:
        return False
    try:
        stored.tags(tags)
        stored.meta(meta)
    except stored.REFUSALS:
        return False
    return True
