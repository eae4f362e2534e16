"""The plans that look for rows which cannot be read."""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract import records
from dutiful.contract.fleet import WorkerStatus
from dutiful.contract.page import Finding
from dutiful.contract.statement import Plan, Statement
from dutiful.core.job import Job

from .rows import job_of
from .statements import Texts

MOST = 1000
"""How many jobs are looked for at most."""

_PAGE = 5000


def unreadable_jobs(sql: Texts) -> Plan[list[Job]]:
    """Find the jobs that cannot be read."""
    found: list[Job] = []
    text, after = sql("suspects").replace("id > $1", "id >= $1"), ""  # also what has no id
    while len(found) < MOST:
        rows = (yield Statement(text, (after, _PAGE))).rows
        found += [job for row in rows if (job := job_of(row)).unreadable is not None]
        if len(rows) < _PAGE:
            break
        text, after = sql("suspects"), rows[-1][1]
    return found


def look_for_unreadable(sql: Texts, workers: Sequence[WorkerStatus]) -> Plan[Finding]:
    """Report how many rows cannot be read; the statuses of the workers are passed in."""
    jobs = yield from unreadable_jobs(sql)
    schedules, after = 0, ""
    while True:
        rows = (yield Statement(sql("schedules"), (after, _PAGE))).rows
        schedules += sum(one.unreadable is not None for one in records.standings(rows))
        if len(rows) < _PAGE:
            break
        after = rows[-1][0]
    lost = sum(worker.unreadable is not None for worker in workers)
    return records.finding({"job": len(jobs), "schedule": schedules, "worker": lost}, MOST)
