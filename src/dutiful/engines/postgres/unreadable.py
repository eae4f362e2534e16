"""The plans that search for unreadable rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dutiful.contract.page import Finding
from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.engines._sql import records
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines._sql.unreadable import MOST, RowRange, count_unreadable

from .rows import job_of
from .statements import Texts

_PAGE = 5000


def unreadable_below(sql: Texts, below: str | None) -> Plan[RowRange[str]]:
    """Find the unreadable jobs in the part of the table before an id, or in the first part."""
    text = sql("suspects")
    if below is None:
        text = text.replace("id < $1", "$1::text IS NULL")
    rows = (yield Statement(text, (below, _PAGE))).rows
    found = [job.id for row in rows if (job := job_of(row)).unreadable is not None]
    return RowRange(found, rows[-1][records.ID] if len(rows) == _PAGE else None)


def look_for_unreadable(sql: Texts, workers: Sequence[WorkerStatus]) -> Plan[Finding]:
    """Report how many rows are unreadable; the caller passes the statuses of the workers."""
    jobs = yield from count_unreadable(partial(unreadable_below, sql))
    schedules, after = 0, ""
    while True:
        rows = (yield Statement(sql("schedules"), (after, _PAGE))).rows
        schedules += sum(one.unreadable is not None for one in records.standings(rows))
        if len(rows) < _PAGE:
            break
        after, *_ = rows[-1]
    lost = sum(worker.unreadable is not None for worker in workers)
    return records.finding({"job": jobs, "schedule": schedules, "worker": lost}, MOST)
