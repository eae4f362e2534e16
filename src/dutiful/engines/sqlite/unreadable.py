"""The plans that look for rows which cannot be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from dutiful.contract.page import Finding
from dutiful.engines._sql import records, stored
from dutiful.engines._sql.records import SEQ
from dutiful.engines._sql.statement import Plan, Statement

from .rows import job_of
from .statements import sql

MOST = 1000
"""After how many jobs `check` stops counting."""

_PAGE = 10_000
_BEYOND = 2**63 - 1
_SUSPECTS = sql("suspects")
_JOBS_OF_ROWS = sql("jobs_of_rows")
_STANDINGS = sql("standings")
_WORKERS = sql("workers")
_ODD = sql("odd")


class RowRange(NamedTuple):
    """What a part of the table holds, its newest rows first."""

    seqs: list[int]
    """The numbers of the rows whose jobs cannot be read."""
    below: int | None
    """Before which row the next part begins; None where there is no more."""


def unreadable_below(below: int) -> Plan[RowRange]:
    """Find the jobs that cannot be read in the part of the table before a row."""
    rows = (yield Statement(_SUSPECTS, (below, _PAGE))).rows
    suspects = [seq for seq, *columns in rows if not _sound(columns)]
    found: list[int] = []
    if suspects:
        jobs = (yield Statement(_JOBS_OF_ROWS, (json.dumps(suspects),))).rows
        found = [row[SEQ] for row in jobs if job_of(row).unreadable is not None]
    return RowRange(found, rows[-1][SEQ] if len(rows) == _PAGE else None)


def _counted() -> Plan[int]:
    part = yield from unreadable_below(_BEYOND)
    count = len(part.seqs)
    while count < MOST and part.below is not None:
        part = yield from unreadable_below(part.below)
        count += len(part.seqs)
    return min(count, MOST)


def look_for_unreadable(workers: Sequence[Any]) -> Plan[Finding]:
    """Report how many rows cannot be read; the statuses of the workers are passed in."""
    jobs = yield from _counted()
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
