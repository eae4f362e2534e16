"""Writing what schedulers have decided: positions, occurrences, jobs and cancellations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from dutiful.contract.roles.schedule_store import KEPT_MAX, Advanced
from dutiful.core.occurrence import Advance, GaveWay
from dutiful.core.standing import admits
from dutiful.engines._sql.declaring import named
from dutiful.engines._sql.schedule_statements import Named
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.sqlite.connections.group_commit import Written
from dutiful.engines.sqlite.controller import cancel
from dutiful.engines.sqlite.producer import enqueue
from dutiful.engines.sqlite.statements import sql

from .recording import amend, record
from .schedule_statements import STATEMENTS

_SCHEDULES_ADVANCE = sql("schedules_advance")
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
    made, gave_way, wakes = yield from _jobs(fresh, now)
    if gave_way:
        yield from amend(gave_way)
    positions = [_position(move, numbers[move.name]) for move in accepted]
    yield Statement(_SCHEDULES_ADVANCE, positions, many=True)
    old = [(name, number - KEPT_MAX) for name, number in numbers.items() if number > KEPT_MAX]
    if old:
        yield Statement(_OCCURRENCES_FORGET, old, many=True)
    names = tuple([move.name for move in accepted])
    return Advanced(names, made, tuple(cancelled), gave_way), wakes or bool(cancelled)


def _admitted(moves: Sequence[Advance]) -> Plan[Counter[str]]:
    """Return the numbers of occurrences, by name, of schedules whose moves are admitted."""
    known = yield from named(STATEMENTS, [move.name for move in moves])
    return Counter(
        {
            move.name: before.number
            for move in moves
            if (before := known.get(move.name)) is not None and admits(before, move)
        }
    )


def _jobs(
    fresh: Sequence[Named], now: int
) -> Plan[tuple[tuple[str, ...], tuple[GaveWay, ...], bool]]:
    """Store jobs; return the ids of those that were new, and which occurrences gave way."""
    found = [(name, one.planned, one.job) for name, one in fresh if one.job is not None]
    if not found:
        return (), (), False
    jobs = [job for _, _, job in found]
    ids = json.dumps([job.id for job in jobs])
    known = {row[0] for row in (yield Statement(_KNOWN_SOME, (ids,))).rows}
    receipts, wakes = yield from enqueue(jobs, now)
    made = [one.id for one in receipts if one.created and one.id not in known]
    gave_way = [
        GaveWay(name, planned, receipt.id, receipt.replaced)
        for (name, planned, _), receipt in zip(found, receipts, strict=True)
        if not receipt.created
    ]
    return tuple(made), tuple(gave_way), wakes


def _position(move: Advance, number: int) -> tuple[Any, ...]:
    held = (move.held, move.held_previous)
    return (number, move.last, move.next, *held, move.broken, move.retry_at, move.name)
