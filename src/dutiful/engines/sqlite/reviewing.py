"""Noting what became of the jobs of occurrences, and who missed a deadline."""

from __future__ import annotations

from dutiful.contract.statement import Plan, Statement
from dutiful.core import deadline as decide
from dutiful.core.deadline import END, REVIEWED_MAX, Overdue, Place, Stretch
from dutiful.core.occurrence import Recorded

from .group import Written
from .rows import recorded_of
from .statements import sql

_OCCURRENCES_UPTO = sql("occurrences_upto")
_OCCURRENCES_OPEN = sql("occurrences_open")
_OCCURRENCE_NOTE = sql("occurrence_note")


def stretch(after: Place) -> Plan[Stretch]:
    """Find how far a review goes."""
    rows = (yield Statement(_OCCURRENCES_UPTO, (*after, REVIEWED_MAX - 1))).rows
    return Stretch(after, rows[0] if rows else END)


def look(part: Stretch, now: int, limit: int) -> Plan[list[Recorded]]:
    """Find occurrences of which something is to be noted or told."""
    params = (now, limit, *part.after, *part.upto)
    return [recorded_of(row) for row in (yield Statement(_OCCURRENCES_OPEN, params)).rows]


def review(part: Stretch, limit: int, now: int) -> Written[tuple[tuple[Overdue, ...], Place]]:
    """Note starts and ends, and return those newly overdue and where to go on."""
    found = yield from look(part, now, limit)
    seen = decide.review(found, now, limit)
    if seen.notes:
        yield Statement(_OCCURRENCE_NOTE, [note.row() for note in seen.notes], many=True)
    return (seen.overdue, part.onward(found, limit)), False
