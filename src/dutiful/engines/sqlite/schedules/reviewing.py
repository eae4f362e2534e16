"""Recording starts and ends of occurrences' jobs, and finding those that missed a deadline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.core import overdue as decide
from dutiful.core.overdue import END, REVIEWED_MAX, Overdue, Position, ReviewRange
from dutiful.engines._sql import records
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.sqlite.connections.group_commit import Written
from dutiful.engines.sqlite.statements import sql

_OCCURRENCES_UPTO = sql("occurrences_upto")
_OCCURRENCES_OPEN = sql("occurrences_open")
_OCCURRENCES_NOTE = sql("occurrences_note")


def next_range(after: Position) -> Plan[ReviewRange]:
    """Find how far a review goes."""
    rows = (yield Statement(_OCCURRENCES_UPTO, (*after, REVIEWED_MAX - 1))).rows
    return ReviewRange(after, rows[0] if rows else END)


def is_position(row: Sequence[Any]) -> bool:
    """Whether an occurrence can be named by its schedule and its planned instant."""
    schedule, planned, *_ = row
    return isinstance(schedule, str) and type(planned) is int


def look(part: ReviewRange, now: int, limit: int) -> Plan[list[Any]]:
    """Find occurrences of which something has to be recorded or reported."""
    params = (*part.after, *part.upto, now, now, now, limit)
    return (yield Statement(_OCCURRENCES_OPEN, params)).rows


def review(
    part: ReviewRange, limit: int, now: int
) -> Written[tuple[tuple[Overdue, ...], Position]]:
    """Record starts and ends; return the newly overdue occurrences and where to go on."""
    rows = yield from look(part, now, limit)
    # A row without a valid name cannot be updated by its name.
    found = [records.recorded(row) for row in rows if is_position(row)]
    seen = decide.review(found, now, limit)
    if seen.notes:
        yield Statement(_OCCURRENCES_NOTE, [note.row() for note in seen.notes], many=True)
    return (seen.overdue, part.onward([row[:2] for row in rows], limit)), False
