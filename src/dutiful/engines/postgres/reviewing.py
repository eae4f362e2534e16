"""Noting what became of the jobs of occurrences, and who missed a deadline."""

from __future__ import annotations

from typing import Any

from dutiful.contract.scheduling import Overdue
from dutiful.contract.statement import Plan, Statement
from dutiful.core.occurrence import Deadline, overdue

from .arrays import Booleans, Longs, Shorts, TextArray, columns
from .rows import recorded_of
from .statements import Texts

_BITS = {"start": 1, "finish": 2}
_NOTE = (Longs, Longs, Shorts, Shorts, Booleans, TextArray, Longs)


def look(sql: Texts, now: int | None, *, limit: int) -> Plan[list[Any]]:
    """Find occurrences of which something is to be noted or told."""
    return (yield Statement(sql("occurrences_open"), (now, limit))).rows


def review(sql: Texts, now: int | None, *, limit: int) -> Plan[tuple[Overdue, ...]]:
    """Note starts and ends, and return those newly overdue."""
    found: list[Overdue] = []
    notes: list[tuple[Any, ...]] = []
    for *row, told, at in (yield from look(sql, now, limit=limit)):
        one = recorded_of(row)
        late: list[Deadline] = [what for what in overdue(one, at) if not told & _BITS[what]]
        tell = late[: limit - len(found)]
        found += [Overdue(one, what) for what in tell]
        told |= sum(_BITS[what] for what in tell)
        ended = one.state is None or one.state.final
        end = (one.finished_at, int(one.state)) if one.state is not None and ended else (None, None)
        stays = not ended or len(tell) < len(late)
        notes.append((one.started_at, *end, told, stays, one.schedule, one.planned))
    if notes:
        yield Statement(sql("occurrences_note"), columns(_NOTE, notes))
    return tuple(found)
