"""Writing what schedulers have decided: positions, occurrences, jobs and cancellations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dutiful.contract.roles.schedule_store import KEPT_MAX, Advanced
from dutiful.core.occurrence import Advance, GaveWay
from dutiful.engines._sql.schedule_statements import Named
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.arrays import Booleans, Longs, TextArray, columns
from dutiful.engines.postgres.controller import cancel
from dutiful.engines.postgres.producer import receipts, store
from dutiful.engines.postgres.rows import storable
from dutiful.engines.postgres.statements import Texts

from .recording import amend, record
from .schedule_statements import PATIENCE

_POSITION = (TextArray, Longs, Longs, Longs, Longs, Longs, TextArray, Longs)


def advance(sql: Texts, now: int | None, *, moves: Sequence[Advance]) -> Plan[Advanced]:
    """Write the moves whose schedules still have the version that was read."""
    numbers = yield from _admitted(sql, moves)
    accepted = [move for move in moves if move.name in numbers]
    if not accepted:
        return Advanced()
    given = [(move.name, one) for move in accepted for one in move.occurrences]
    fresh = yield from record(sql, given, numbers, now)
    positions = [_position(move, numbers[move.name], sql.codec) for move in accepted]
    yield Statement(sql("schedules_advance"), columns(_POSITION, positions))
    old = [(name, number - KEPT_MAX) for name, number in numbers.items() if number > KEPT_MAX]
    if old:
        yield Statement(sql("occurrences_forget"), columns((TextArray, Longs), old))
    doomed = [job_id for move in accepted for job_id in move.cancel]
    cancelled = (yield from cancel(sql, doomed, now)) if doomed else ()
    made, gave_way = yield from _jobs(sql, fresh, now)
    if gave_way:
        yield from amend(sql, gave_way)
    return Advanced(tuple([move.name for move in accepted]), made, cancelled, gave_way)


def _admitted(sql: Texts, moves: Sequence[Advance]) -> Plan[Counter[str]]:
    """Lock the schedules whose moves are admitted; return their numbers of occurrences by name."""
    given = [(move.name, move.version, move.by_hand) for move in moves]
    params = (*columns((TextArray, Longs, Booleans), given), PATIENCE)
    return Counter(dict((yield Statement(sql("schedules_admit"), params)).rows))


def _jobs(
    sql: Texts, fresh: Sequence[Named], now: int | None
) -> Plan[tuple[tuple[str, ...], tuple[GaveWay, ...]]]:
    """Store jobs; return the ids of those that were new, and which occurrences gave way."""
    found = [(name, one.planned, one.job) for name, one in fresh if one.job is not None]
    if not found:
        return (), ()
    jobs = [job for _, _, job in found]
    stored = yield from store(sql, jobs, now)
    answers = yield from receipts(sql, jobs, stored, now)
    gave_way = [
        GaveWay(name, planned, receipt.id, receipt.replaced)
        for (name, planned, _), receipt in zip(found, answers, strict=True)
        if not receipt.created
    ]
    return tuple([job.id for job in jobs if job.id in stored]), tuple(gave_way)


def _position(move: Advance, number: int, codec: str) -> tuple[Any, ...]:
    broken = None if move.broken is None else storable(move.broken, codec)
    held = (move.held, move.held_previous)
    return (move.name, number, move.last, move.next, *held, broken, move.retry_at)
