"""Schedules on their way from one store to another, with what became of their occurrences."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dutiful.contract.roles.transfer import (
    SHUT,
    FillResult,
    HistoryPage,
    ScheduleHistory,
    fillable,
    held_shut,
    still_open,
    storable,
    without_state,
)
from dutiful.engines._sql import records
from dutiful.engines._sql.occurrence_rows import occurrences_by_schedule
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.sqlite.connections.group_commit import Written
from dutiful.engines.sqlite.rows import recorded_row
from dutiful.engines.sqlite.rows import storable as written
from dutiful.engines.sqlite.statements import sql

from .declaring import named, put

_SCHEDULES = sql("schedules")
_OCCURRENCES_DUMP = sql("occurrences_dump")
_OCCURRENCES_DELETE = sql("occurrences_delete")
_OCCURRENCE_FILL = sql("occurrence_fill")
_SCHEDULE_REOPEN = sql("schedule_reopen")
_SCHEDULE_MARK = sql("schedule_mark")
_SCHEDULES_SHUT = sql("schedules_shut")


def dump(limit: int, cursor: str | None) -> Plan[HistoryPage]:
    """List schedules by name."""
    rows = (yield Statement(_SCHEDULES, (cursor or "", limit + 1))).rows
    page = records.standings(rows[:limit])
    names = json.dumps([one.name for one in page])
    kept = occurrences_by_schedule((yield Statement(_OCCURRENCES_DUMP, (names,))).rows)
    histories = tuple([ScheduleHistory(one, tuple(kept[one.name])) for one in page])
    return HistoryPage(histories, page[-1].name if page and len(rows) > limit else None)


def fill(histories: Sequence[ScheduleHistory], other: str) -> Written[FillResult]:
    """Store schedules, shut, in place of those that are shut for the same store."""
    known = yield from named([history.standing.name for history in histories])
    ours = {row[0] for row in (yield Statement(_SCHEDULES_SHUT, (SHUT, other))).rows}
    new = [storable(history, written) for history in fillable(histories, known, ours)]
    names = [history.standing.name for history in new]
    yield from put([held_shut(history.standing) for history in new])
    yield Statement(_SCHEDULE_MARK, [(SHUT, other, name) for name in names], many=True)
    yield Statement(_OCCURRENCES_DELETE, [(name,) for name in names], many=True)
    rows = [
        recorded_row(without_state(one), open=still_open(one))
        for history in new
        for one in history.occurrences
    ]
    yield Statement(_OCCURRENCE_FILL, rows, many=True)
    return FillResult(tuple(names)), False


def reopen(names: Sequence[str], other: str) -> Written[tuple[str, ...]]:
    """Let schedules fire that are shut."""
    freed: list[str] = []
    for name in names:
        if (yield Statement(_SCHEDULE_REOPEN, (name, SHUT, other))).count:
            freed.append(name)
    return tuple(freed), False
