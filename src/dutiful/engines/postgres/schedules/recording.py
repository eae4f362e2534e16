"""Recording occurrences, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from dutiful.core.occurrence import GaveWay, Occurrence
from dutiful.engines._sql.schedule_statements import Named
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.arrays import Array, Booleans, Longs, TextArray, columns
from dutiful.engines.postgres.statements import Texts

_OCCURRENCE: tuple[type[Array], ...] = (
    *(TextArray, Longs, Longs, Longs, TextArray, TextArray, TextArray, Booleans, Longs, Longs),
)
_GAVE_WAY: tuple[type[Array], ...] = (
    *(TextArray, TextArray, TextArray, Booleans, TextArray, Longs),
)


def record(
    sql: Texts, given: Iterable[Named], numbers: Counter[str], now: int | None
) -> Plan[Sequence[Named]]:
    """Record the occurrences that are new, give them the next numbers, and return them."""
    by_key = {(name, one.planned): one for name, one in given}
    if not by_key:
        return []
    rows = [_row(name, one, numbers[name]) for (name, _), one in by_key.items()]
    params = (*columns(_OCCURRENCE, rows), now)
    written = set((yield Statement(sql("occurrences_add"), params)).rows)
    fresh = [(key[0], one) for key, one in by_key.items() if key in written]
    numbers.update(Counter(name for name, _ in fresh))
    return fresh


def amend(sql: Texts, given: Sequence[GaveWay]) -> Plan[None]:
    """Record which occurrences' jobs gave way to others."""
    rows = [
        (one.kind, one.why, one.job_id, one.replaced, one.schedule, one.planned) for one in given
    ]
    yield Statement(sql("occurrences_amend"), columns(_GAVE_WAY, rows))


def _row(name: str, one: Occurrence, base: int) -> tuple[Any, ...]:
    job_id = None if one.job is None else one.job.id
    what = (name, one.planned, one.previous, base, one.kind, one.why, job_id)
    return (*what, one.backfilled, one.start_by, one.finish_by)
