"""Writing what schedulers have decided: positions, occurrences, jobs and cancellations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dutiful.contract.scheduling import KEPT_MAX, Advanced
from dutiful.contract.statement import Plan, Statement
from dutiful.core.job import NewJob
from dutiful.core.occurrence import Advance

from .controller import cancel
from .declaring import named
from .group import Written
from .producer import enqueue
from .recording import record
from .statements import sql

_SCHEDULE_ADVANCE = sql("schedule_advance")
_OCCURRENCES_FORGET = sql("occurrences_forget")
_KNOWN_SOME = sql("known_some")


def advance(moves: Sequence[Advance], now: int) -> Written[Advanced]:
    """Write the moves whose schedules still have the version that was read."""
    numbers = yield from _admitted(moves)
    accepted = [move for move in moves if move.name in numbers]
    if not accepted:
        return Advanced(), False
    given = [(move.name, one) for move in accepted for one in move.occurrences]
    fresh = yield from record(given, numbers, now)
    cancelled: list[str] = []
    for job_id in [job_id for move in accepted for job_id in move.cancel]:
        if (yield from cancel(job_id, now)):
            cancelled.append(job_id)
    made, wakes = yield from _jobs([one.job for _, one in fresh if one.job is not None], now)
    positions = [_position(move, numbers[move.name]) for move in accepted]
    yield Statement(_SCHEDULE_ADVANCE, positions, many=True)
    old = [(name, number - KEPT_MAX) for name, number in numbers.items() if number > KEPT_MAX]
    if old:
        yield Statement(_OCCURRENCES_FORGET, old, many=True)
    names = tuple([move.name for move in accepted])
    return Advanced(names, made, tuple(cancelled)), wakes or bool(cancelled)


def _admitted(moves: Sequence[Advance]) -> Plan[dict[str, int]]:
    """Return, by name, how many occurrences the schedules have that take their moves."""
    known = yield from named([move.name for move in moves])
    return {
        move.name: before.number
        for move in moves
        if (before := known.get(move.name)) is not None
        and before.version == move.version
        and before.retired_at is None
        and (before.paused_at is None or move.by_hand)
    }


def _jobs(jobs: Sequence[NewJob], now: int) -> Plan[tuple[tuple[str, ...], bool]]:
    """Store jobs and return the ids of those that were new."""
    if not jobs:
        return (), False
    ids = [job.id for job in jobs]
    known = {row[0] for row in (yield Statement(_KNOWN_SOME, (json.dumps(ids),))).rows}
    _, wakes = yield from enqueue(jobs, now)
    return tuple([job_id for job_id in ids if job_id not in known]), wakes


def _position(move: Advance, number: int) -> tuple[Any, ...]:
    held = (move.held, move.held_previous)
    return (number, move.last, move.next, *held, move.broken, move.retry_at, move.name)
