"""The plans that search for due jobs and claim them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from dutiful.contract.roles.consumer import Exchanged, Wanted
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from dutiful.engines._sql.statement import Plan, Statement

from .claim_cursor import ClaimCursors
from .rows import claimed_of
from .settling import settle
from .statements import Texts

_LINE = slice(3)
"""The columns of a row of the statement ``claim`` that order the queue."""
STAGED_MAX = 10_000
"""How many jobs of a queue become queued in one transaction, which must not hold locks for long."""


def exchange(
    sql: Texts,
    worker: str,
    settlements: Sequence[Settlement],
    wanted: Wanted | None,
    now: int | None,
    cursors: ClaimCursors,
    *,
    claims: list[Claim] | None = None,
    notified: bool = False,
) -> Plan[Exchanged]:
    """Settle, then claim; a ``notified`` worker claims before it looks, to start a job sooner.

    Each claim is added to ``claims`` as soon as it is made: an error after that may leave it in
    force.
    """
    claims = [] if claims is None else claims
    if notified and wanted is not None and not settlements:
        yield from _claim(sql, worker, wanted, frozenset(), now, cursors, claims, notified=True)
        if claims:
            return Exchanged(tuple(claims), due_in=0)  # the look is left to the next exchange
    refused, back = (yield from settle(sql, settlements, now)) if settlements else ((), {})
    if wanted is None:
        yield from _wake(sql, back)
        return Exchanged(refused=refused)
    look = Look((yield Statement(sql("look"), (worker, now))).rows[0])
    if not look.member:
        yield from _wake(sql, back)
        return Exchanged(refused=refused, lost=True)
    locked: list[str] = []
    if overdue := look.overdue():
        locked = yield from _stage(sql, overdue, now, cursors, back)
        # After the jobs that were due there may be one that is due soon.
        look = Look((yield Statement(sql("look"), (worker, now))).rows[0])
    again = yield from _claim(sql, worker, wanted, look.paused, now, cursors, claims)
    for claim in claims:
        queue = claim.job.queue
        if queue in back:
            back[queue] -= 1
    yield from _wake(sql, back)
    due_in = yield from _due_in(sql, look, wanted, locked, cursors)
    if again is not None:
        due_in = again if due_in is None else min(due_in, again)
    return Exchanged(tuple(claims), refused, due_in)


def work(sql: Texts, queues: Sequence[str], now: int | None, cursors: ClaimCursors) -> Plan[bool]:
    """Whether there is something to claim or to stage."""
    look = Look((yield Statement(sql("look"), ("", now))).rows[0])
    ticks = cursors.ticks()
    if not all(cursors.of_queue(queue).again_in(ticks) for queue in look.overdue()):
        return True
    for queue in queues:
        if queue in look.paused:
            continue
        start = cursors.of_queue(queue).start(cursors.ticks())
        if start is None:
            statement = Statement(sql("ready"), (queue,))
        else:
            statement = Statement(sql("ready_behind"), (queue, *start))
        if (yield statement).rows[0][0]:
            return True
    return False


def with_steps(sql: Texts, claims: Sequence[Claim]) -> Plan[list[Claim]]:
    """Load the steps that earlier attempts recorded."""
    stepped = [claim.job.id for claim in claims if claim.job.steps]
    if not stepped:
        return list(claims)
    steps: dict[str, dict[str, bytes]] = {job_id: {} for job_id in stepped}
    for job_id, name, result in (yield Statement(sql("steps_of"), (stepped,))).rows:
        steps[job_id][name] = result
    return [
        replace(claim, steps=steps[claim.job.id]) if claim.job.steps else claim for claim in claims
    ]


class Look:
    """The result of one look at the store."""

    def __init__(self, row: Sequence[Any]) -> None:
        """Read the row of the statement ``look``."""
        now, member, paused, queues, times = row
        self.now: int = now
        self.member: bool = member
        self.paused = frozenset[str](paused)
        self.due: dict[str, int] = dict(zip(queues, times, strict=True))

    def overdue(self) -> list[str]:
        """Return the queues in which jobs have become due."""
        return [queue for queue, at in self.due.items() if at <= self.now]


def _stage(
    sql: Texts, overdue: Sequence[str], now: int | None, cursors: ClaimCursors, back: dict[str, int]
) -> Plan[list[str]]:
    """Make due jobs queued; return the queues in which other sessions have locked all of them."""
    locked: list[str] = []
    for queue in overdue:
        staged = (yield Statement(sql("stage"), (queue, STAGED_MAX, now))).count
        back[queue] = back.get(queue, 0) + staged
        if staged:
            cursors.of_queue(queue).staged()
        else:
            cursors.of_queue(queue).passed_over(cursors.ticks())
            locked.append(queue)
    return locked


def _due_in(
    sql: Texts, look: Look, wanted: Wanted, locked: Sequence[str], cursors: ClaimCursors
) -> Plan[int | None]:
    """Return the time until there may be something to stage or to claim."""
    waits = [at - look.now for queue, at in look.due.items() if queue in wanted.queues]
    waits = [wait for wait in waits if wait > 0]
    for queue in look.overdue():
        waits.append(cursors.of_queue(queue).again_in(cursors.ticks()))
        if queue in locked and queue in wanted.queues:
            # After the locked jobs there may be one that is due sooner.
            rows = (yield Statement(sql("due_next"), (queue, look.now))).rows
            waits += [at - look.now for (at,) in rows]
    return min(waits, default=None)


def _claim(
    sql: Texts,
    worker: str,
    wanted: Wanted,
    paused: frozenset[str],
    now: int | None,
    cursors: ClaimCursors,
    claims: list[Claim],
    *,
    notified: bool = False,
) -> Plan[int | None]:
    """Claim; return when to look again if a queue was not searched from its head."""
    again: int | None = None
    for queue in wanted.queues:
        room = wanted.limit - len(claims)
        if room <= 0:
            break
        if queue in paused:
            continue
        cursor, began = cursors.of_queue(queue), cursors.ticks()
        start = cursor.newest() if notified else cursor.start(began)
        if start is None:
            statement = Statement(sql("claim"), (worker, queue, room, now))
        else:
            statement = Statement(sql("claim_behind"), (worker, queue, room, now, *start))
        rows = (yield statement).rows
        # RETURNING keeps no order; each row begins with the columns that order the queue (`_LINE`).
        rows.sort()
        ended = cursors.ticks()
        last = rows[-1][_LINE] if rows else None
        cursor.learn(start, ended - began, len(rows), last, ended)
        if start is not None and len(rows) < room:
            walk = cursor.walk_in(ended)
            again = walk if again is None else min(again, walk)
        claims.extend([claimed_of(row, queue, worker) for row in rows])
    claims[:] = yield from with_steps(sql, claims)
    return again


def _wake(sql: Texts, back: dict[str, int]) -> Plan[None]:
    """Wake listeners for the jobs that came back and were not claimed here."""
    queues = [queue for queue, jobs in back.items() if jobs > 0]
    if queues:
        yield Statement(sql("wake"), (queues, sum(back[queue] for queue in queues)))
