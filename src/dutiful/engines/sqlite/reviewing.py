"""Noting what became of the jobs of occurrences, and who missed a deadline."""

from __future__ import annotations

from typing import Any

from dutiful.contract.scheduling import Overdue
from dutiful.contract.statement import Plan, Statement
from dutiful.core.occurrence import Deadline, overdue

from .group import Written
from .rows import recorded_of
from .statements import sql

_OCCURRENCES_OPEN = sql("occurrences_open")
_OCCURRENCE_NOTE = sql("occurrence_note")
_BITS = {"start": 1, "finish": 2}


def look(now: int, limit: int) -> Plan[list[Any]]:
    """Find occurrences of which something is to be noted or told."""
    return (yield Statement(_OCCURRENCES_OPEN, (now, limit))).rows


def review(limit: int, now: int) -> Written[tuple[Overdue, ...]]:
    """Note starts and ends, and return those newly overdue."""
    found: list[Overdue] = []
    notes: list[tuple[Any, ...]] = []
    for *row, told in (yield from look(now, limit)):
        one = recorded_of(tuple(row))
        late: list[Deadline] = [what for what in overdue(one, now) if not told & _BITS[what]]
        tell = late[: limit - len(found)]
        found += [Overdue(one, what) for what in tell]
        told |= sum(_BITS[what] for what in tell)
        ended = one.state is None or one.state.final
        end = (one.finished_at, int(one.state)) if one.state is not None and ended else (None, None)
        stays = not ended or len(tell) < len(late)
        notes.append((one.started_at, *end, told, stays, one.schedule, one.planned))
    if notes:
        yield Statement(_OCCURRENCE_NOTE, notes, many=True)
    return tuple(found), False
