"""The plans that search for unreadable rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dutiful.contract.page import Finding
from dutiful.engines._sql import records, stored
from dutiful.engines._sql.records import SEQ
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines._sql.unreadable import MOST, RowRange, count_unreadable

from .rows import job_of
from .statements import sql

_PAGE = 10_000
_BEYOND = 2**63 - 1
_SUSPECTS = sql("suspects")
_JOBS_OF_ROWS = sql("jobs_of_rows")
_STANDINGS = sql("standings")
_WORKERS = sql("workers")
_ODD = sql("odd")


def unreadable_below(below: int | None) -> Plan[RowRange[int]]:
    """Find the unreadable jobs in the part of the table before a row, or in the first part."""
    rows = (yield Statement(_SUSPECTS, (_BEYOND if below is None else below, _PAGE))).rows
    suspects = [seq for seq, *columns in rows if not _sound(columns)]
    found: list[int] = []
    if suspects:
        jobs = (yield Statement(_JOBS_OF_ROWS, (json.dumps(suspects),))).rows
        found = [row[SEQ] for row in jobs if job_of(row).unreadable is not None]
    return RowRange(found, rows[-1][SEQ] if len(rows) == _PAGE else None)


def look_for_unreadable(workers: Sequence[Any]) -> Plan[Finding]:
    """Report how many rows are unreadable; the caller passes the statuses of the workers."""
    jobs = yield from count_unreadable(unreadable_below)
    schedules = (yield Statement(_STANDINGS)).rows
    counts = {
        "job": jobs,
        "schedule": sum(records.standing(row).unreadable is not None for row in schedules),
        "worker": sum(worker.unreadable is not None for worker in workers),
    }
    counts |= dict((yield Statement(_ODD)).rows)
    return records.finding(counts, MOST)


def _sound(columns: Sequence[Any]) -> bool:
    typed, texts, tags, meta = columns
    if not typed or type(texts) is not str:
        return False
    try:
        stored.tags(tags)
        stored.meta(meta)
    except stored.REFUSALS:
        return False
    return True
