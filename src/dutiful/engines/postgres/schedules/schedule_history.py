"""Schedules on their way from one store to another, with what became of their occurrences."""

from __future__ import annotations

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
from dutiful.core.errors import BadPayload, BadSchedule
from dutiful.core.schedule import read
from dutiful.engines._sql import records
from dutiful.engines._sql.occurrence_rows import occurrences_by_schedule
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.arrays import (
    Array,
    Booleans,
    Longs,
    Shorts,
    TextArray,
    columns,
)
from dutiful.engines.postgres.rows import recorded_row
from dutiful.engines.postgres.rows import storable as written
from dutiful.engines.postgres.statements import Texts

from .declaring import guard, locked, put

_KINDS: tuple[type[Array], ...] = (
    *(TextArray, Longs, Longs, Longs, TextArray, TextArray, TextArray, Longs, Booleans, Longs),
    *(Longs, Longs, Longs, Shorts, Shorts, Booleans),
)


def dump(sql: Texts, limit: int, cursor: str | None) -> Plan[HistoryPage]:
    """List schedules by name."""
    rows = (yield Statement(sql("schedules"), (cursor or "", limit + 1))).rows
    page = records.standings(rows[:limit])
    names = [one.name for one in page]
    kept = occurrences_by_schedule((yield Statement(sql("occurrences_dump"), (names,))).rows)
    histories = tuple([ScheduleHistory(one, tuple(kept[one.name])) for one in page])
    return HistoryPage(histories, names[-1] if len(rows) > limit else None)


def fill(
    sql: Texts, histories: Sequence[ScheduleHistory], other: str, now: int | None
) -> Plan[FillResult]:
    """Store schedules, shut, in place of those that are shut for the same store."""
    yield from guard(sql, now)
    known = yield from locked(sql, [history.standing.name for history in histories])
    shut = (yield Statement(sql("schedules_shut"), (list(known), SHUT, other))).rows
    ours = {row[0] for row in shut}
    new = [
        storable(history, lambda text: written(text, sql.codec))
        for history in fillable(histories, known, ours)
    ]
    for history in new:
        _demand_fit(history.standing.spec, sql.codec)
    names = [history.standing.name for history in new]
    yield from put(sql, [held_shut(history.standing) for history in new])
    yield Statement(sql("schedules_mark"), (names, SHUT, other))
    yield Statement(sql("occurrences_delete"), (names,))
    rows = [
        recorded_row(without_state(one), open=still_open(one))
        for history in new
        for one in history.occurrences
    ]
    yield Statement(sql("occurrences_fill"), columns(_KINDS, rows))
    return FillResult(tuple(names))


def _demand_fit(spec: bytes, codec: str) -> None:
    """Raise BadPayload for a schedule whose jobs the database could not store: it would be broken.

    The spec itself is bytes, which hold every letter.
    """
    try:
        one = read(spec)
    except BadSchedule:  # it cannot fire in any store
        return
    for text in (one.task, one.queue, *one.tags, *one.meta, *one.meta.values()):
        if written(text, codec) != text:
            raise BadPayload(f"its jobs hold {text!r}, of which the database's text lacks a part")


def reopen(sql: Texts, names: Sequence[str], other: str, now: int | None) -> Plan[tuple[str, ...]]:
    """Let schedules fire that are shut."""
    yield from guard(sql, now)
    given = list(names), SHUT, other
    freed = {row[0] for row in (yield Statement(sql("schedules_reopen"), given)).rows}
    return tuple([name for name in names if name in freed])
