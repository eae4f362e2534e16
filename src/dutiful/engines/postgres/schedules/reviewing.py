"""Recording starts and ends of occurrences' jobs, and finding those that missed a deadline."""

from __future__ import annotations

from dutiful.core import overdue as decide
from dutiful.core.overdue import END, REVIEWED_MAX, Overdue, Position, ReviewRange
from dutiful.engines._sql import records
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.arrays import Booleans, Longs, Shorts, TextArray, columns
from dutiful.engines.postgres.statements import Texts

_NOTE = (Longs, Longs, Shorts, Shorts, Booleans, TextArray, Longs)


def look(sql: Texts, now: int | None, *, after: Position) -> Plan[tuple[ReviewRange, bool]]:
    """Find how far a review goes, and whether there is something to record or report."""
    rows = (yield Statement(sql("occurrences_upto"), (*after, REVIEWED_MAX - 1))).rows
    part = ReviewRange(after, rows[0] if rows else END)
    return part, bool((yield _open(sql, now, part, 1)).rows)


def review(
    sql: Texts, now: int | None, *, part: ReviewRange, limit: int
) -> Plan[tuple[tuple[Overdue, ...], Position]]:
    """Record starts and ends; return the newly overdue occurrences and where to go on."""
    rows = (yield _open(sql, now, part, limit)).rows
    found = [records.recorded(occurrence) for *occurrence, _ in rows]
    *_, at = rows[0] if rows else (0,)
    seen = decide.review(found, at, limit)
    if seen.notes:
        notes = [note.row() for note in seen.notes]
        yield Statement(sql("occurrences_note"), columns(_NOTE, notes))
    places = [(schedule, planned) for schedule, planned, *_ in rows]
    return seen.overdue, part.onward(places, limit)


def _open(sql: Texts, now: int | None, part: ReviewRange, limit: int) -> Statement:
    return Statement(sql("occurrences_open"), (now, limit, *part.after, *part.upto))
