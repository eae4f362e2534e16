"""The plans that look for rows which cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dutiful.contract.page import Finding
from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.engines._sql import records
from dutiful.engines._sql.statement import Plan, Statement

from .rows import job_of
from .statements import Texts

MOST = 1000
"""After how many jobs `check` stops counting."""

_PAGE = 5000


class RowRange(NamedTuple):
    """What a part of the table holds, from the highest id down."""

    ids: list[str]
    """The ids of the jobs that cannot be read."""
    below: str | None
    """Before which id the next part begins; None where there is no more."""


def unreadable_below(sql: Texts, below: str | None) -> Plan[RowRange]:
    """Find the jobs that cannot be read in the part of the table before an id, or in the first."""
    text = sql("suspects")
    if below is None:
        text = text.replace("id < $1", "$1::text IS NULL")
    rows = (yield Statement(text, (below, _PAGE))).rows
    found = [job.id for row in rows if (job := job_of(row)).unreadable is not None]
    return RowRange(found, rows[-1][records.ID] if len(rows) == _PAGE else None)


def _counted(sql: Texts) -> Plan[int]:
    part = yield from unreadable_below(sql, None)
    count = len(part.ids)
    while count < MOST and part.below is not None:
        part = yield from unreadable_below(sql, part.below)
        count += len(part.ids)
    return min(count, MOST)


def look_for_unreadable(sql: Texts, workers: Sequence[WorkerStatus]) -> Plan[Finding]:
    """Report how many rows cannot be read; the statuses of the workers are passed in."""
    jobs = yield from _counted(sql)
    schedules, after = 0, ""
    while True:
        rows = (yield Statement(sql("schedules"), (after, _PAGE))).rows
        schedules += sum(one.unreadable is not None for one in records.standings(rows))
        if len(rows) < _PAGE:
            break
        after, *_ = rows[-1]
    lost = sum(worker.unreadable is not None for worker in workers)
    return records.finding({"job": jobs, "schedule": schedules, "worker": lost}, MOST)
