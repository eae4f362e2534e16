"""Export and import of schedules with their recorded occurrences, for a copy of a store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dutiful.contract.roles.transfer import (
    FillResult,
    HistoryPage,
    ScheduleHistory,
    fillable,
    held_shut,
    still_open,
    without_state,
)
from dutiful.core.occurrence import Recorded

from .declaring import named, put
from .records import RECORDED, standings
from .rows import recorded_row
from .schedule_statements import ScheduleStatements
from .statement import Plan
from .stored import salvage


def dump(sql: ScheduleStatements, limit: int, cursor: str | None) -> Plan[HistoryPage]:
    """List schedules by name."""
    rows = (yield sql.page(cursor or "", limit + 1)).rows
    page = standings(rows[:limit])
    names = [one.name for one in page]
    kept = _by_schedule((yield sql.occurrences_of(names)).rows)
    histories = tuple([ScheduleHistory(one, tuple(kept[one.name])) for one in page])
    return HistoryPage(histories, names[-1] if names and len(rows) > limit else None)


def fill(
    sql: ScheduleStatements, histories: Sequence[ScheduleHistory], other: str
) -> Plan[FillResult]:
    """Store schedules, shut; they replace schedules that are shut for the same store."""
    known = yield from named(sql, [history.standing.name for history in histories])
    ours = {row[0] for row in (yield sql.shut(list(known), other)).rows}
    new = [sql.storable(history) for history in fillable(histories, known, ours)]
    names = [history.standing.name for history in new]
    yield from put(sql, [held_shut(history.standing) for history in new])
    yield sql.mark(names, other)
    yield sql.delete_occurrences(names)
    yield sql.fill_occurrences(
        [
            recorded_row(without_state(one), open=still_open(one))
            for history in new
            for one in history.occurrences
        ]
    )
    return FillResult(tuple(names))


def _by_schedule(rows: Iterable[Sequence[Any]]) -> Mapping[str, list[Recorded]]:
    """Read occurrences by the names of their schedules, without those that cannot be read.

    A substitute for an unreadable value, such as a planned instant, may be another one's value.
    """
    kept = defaultdict[str, list[Recorded]](list)
    for row in rows:
        found = salvage(RECORDED, row)
        if found.unreadable is None:
            kept[row[0]].append(Recorded(**found.values))
    return kept
