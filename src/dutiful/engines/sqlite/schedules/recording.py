"""Recording occurrences, each once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from dutiful.core.occurrence import GaveWay, Occurrence
from dutiful.engines._sql.schedule_statements import Named
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.sqlite.statements import sql

_OCCURRENCES_KNOWN = sql("occurrences_known")
_OCCURRENCES_ADD = sql("occurrences_add")
_OCCURRENCES_AMEND = sql("occurrences_amend")


def record(given: Iterable[Named], numbers: Counter[str], now: int) -> Plan[Sequence[Named]]:
    """Record the occurrences that are new, give them the next numbers, and return them."""
    by_key = {(name, one.planned): one for name, one in given}
    if not by_key:
        return []
    known = set((yield Statement(_OCCURRENCES_KNOWN, (json.dumps(list(by_key)),))).rows)
    fresh = [(key[0], one) for key, one in by_key.items() if key not in known]
    rows: list[tuple[Any, ...]] = []
    for name, one in fresh:
        numbers[name] += 1
        rows.append(_row(name, one, numbers[name], now))
    if rows:
        yield Statement(_OCCURRENCES_ADD, rows, many=True)
    return fresh


def amend(given: Sequence[GaveWay]) -> Plan[None]:
    """Record which occurrences' jobs gave way to others."""
    rows = [
        (one.kind, one.why, one.job_id, one.replaced, one.schedule, one.planned) for one in given
    ]
    yield Statement(_OCCURRENCES_AMEND, rows, many=True)


def _row(name: str, one: Occurrence, number: int, now: int) -> tuple[Any, ...]:
    job_id = None if one.job is None else one.job.id
    what = (name, one.planned, one.previous, number, one.kind, one.why, job_id, now)
    return (*what, one.backfilled, one.start_by, one.finish_by, one.job is not None)
