"""The plans that search for due jobs and claim them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from msgspec.structs import replace

from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.core.errors import EngineError
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from dutiful.engines._sql.records import PRIORITY, RUN_AT, SEQ
from dutiful.engines._sql.statement import Answer, Plan, Statement

from .connections.group_commit import Written
from .rows import claims_of, seq_of, steps_from
from .settling import brings_back, settle
from .statements import sql

STAGED_MAX = 10_000
"""How many jobs of a queue become queued in one transaction, which must not hold locks for long."""

_EVER = 2**62
_MEMBER = sql("is_registered")
_PAUSED = sql("paused")
_READY = sql("ready")
_DUE = sql("due")
_STAGE = sql("stage")
_CLAIM = sql("claim")
_ASIDE_DUE = sql("aside_due")
_ASIDE_READY = sql("aside_ready")
_STEPS_OF = sql("steps_of")


def exchange(
    worker: str, settlements: Sequence[Settlement], wanted: Wanted | None, now: int
) -> Written[Exchanged]:
    """Settle, then claim, in one transaction."""
    refused = (yield from settle(settlements, now)) if settlements else ()
    wakes = brings_back(settlements)
    if wanted is None:
        return Exchanged(refused=refused), wakes
    if not (yield Statement(_MEMBER, (worker,))).rows:
        return Exchanged(refused=refused, lost=True), wakes
    staged, due_in = yield from _stage(wanted.queues, now)
    claims = yield from _claim(worker, wanted, now)
    return Exchanged(tuple(claims), refused, due_in), wakes or staged > len(claims)


def idle(worker: str, queues: Sequence[str], now: int) -> Plan[Exchanged | None]:
    """Answer an exchange that has nothing to write, or None when there may be work."""
    if not (yield Statement(_MEMBER, (worker,))).rows:
        return Exchanged(lost=True)
    some, due_in = yield from work(queues, now)
    return None if some else Exchanged(due_in=due_in)


def work(queues: Sequence[str], now: int) -> Plan[tuple[bool, int | None]]:
    """Whether there is something to claim or to stage, and if not, when the next job is due."""
    paused = {row[0] for row in (yield Statement(_PAUSED)).rows}
    for queue in queues:
        if queue not in paused and (yield Statement(_READY, (queue,))).rows:
            return True, None
    due = yield from _dues()
    if any(at <= now for _, at in due):
        return True, None
    return False, _next(due, queues, now)


def steps_of(claim: Claim) -> Plan[Claim]:
    """Load the steps that earlier attempts recorded."""
    steps, sound = steps_from((yield Statement(_STEPS_OF, (seq_of(claim),))).rows)
    job = claim.job if sound else replace(claim.job, unreadable="steps")
    return replace(claim, job=job, steps=steps)


def _dues() -> Plan[list[tuple[str, int]]]:
    """Return by queue when its next job is due; a job whose time is not a number is never due."""
    rows = (yield Statement(_DUE)).rows
    return [
        (queue, at if type(at) is int else int(max(-_EVER, min(at, _EVER))))
        for queue, at in rows
        if type(queue) is str and isinstance(at, int | float)
    ]


def _stage(queues: Sequence[str], now: int) -> Plan[tuple[int, int | None]]:
    """Make due jobs queued, in every queue; return how many, and when the next is due."""
    due = yield from _dues()
    staged = 0
    for queue, at in due:
        if at <= now:
            aside = Statement(_ASIDE_DUE, (now, queue, now, STAGED_MAX))
            staged += (yield from _moved(Statement(_STAGE, (queue, now, STAGED_MAX)), aside)).count
    if staged:
        due = yield from _dues()
    return staged, _next(due, queues, now)


def _claim(worker: str, wanted: Wanted, now: int) -> Plan[list[Claim]]:
    paused = {row[0] for row in (yield Statement(_PAUSED)).rows}
    claims: list[Claim] = []
    for queue in wanted.queues:
        room = wanted.limit - len(claims)
        if room <= 0:
            break
        if queue in paused:
            continue
        aside = Statement(_ASIDE_READY, (now, queue, STAGED_MAX))
        taking = Statement(_CLAIM, (worker, now, queue, room))
        rows = (yield from _moved(taking, aside)).rows
        # RETURNING keeps no order: it is priority, then time, then the row's number.
        with suppress(TypeError):  # a priority or a time that is not a number has no order
            rows.sort(key=_turn)
        claims.extend(claims_of(rows))
    for place, claim in enumerate(claims):
        if claim.job.steps:
            claims[place] = yield from steps_of(claim)
    return claims


def _moved(statement: Statement, aside: Statement) -> Plan[Answer]:
    """Change rows; if the database refuses the statement, set aside the rows that cause it."""
    while True:
        try:
            return (yield statement)
        except EngineError as error:  # only this statement was undone
            if type(error) is not EngineError or not (yield aside).count:
                raise


def _turn(row: tuple[int, ...]) -> tuple[int, int, int]:
    return (-row[PRIORITY], row[RUN_AT], row[SEQ])


def _next(due: Sequence[tuple[str, int]], queues: Sequence[str], now: int) -> int | None:
    waits = [at for queue, at in due if queue in queues]
    return max(min(waits) - now, 0) if waits else None
