"""The plan that writes settlements, on any connection."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.engines._sql.statement import Plan, Statement

from .connections.arrays import Array, Booleans, Bytes, Integers, Longs, Shorts, TextArray
from .log_writing import keep_logs
from .rows import storable
from .statements import Texts

_BY_ID = attrgetter("claim.job.id")


def settle(
    sql: Texts, items: Sequence[Settlement], now: int | None
) -> Plan[tuple[tuple[str, ...], dict[str, int]]]:
    """Write settlements whose claims hold.

    Returns the ids of those refused, and by queue how many jobs may be claimed again immediately.
    """
    # Rows are locked in one order, so that two sessions that settle the same jobs do not deadlock.
    items = sorted(items, key=_BY_ID)
    failed = [item for item in items if item.error is not None]
    successes = items if plain(items) else [item for item in items if simple(item)]
    logged = [] if successes is items else [item for item in items if item.claim.log]
    if any(0 < len(part) < len(items) for part in (successes, failed, logged)):
        # Several statements follow, and each takes only some of the rows.
        yield Statement(sql("lock"), (guards(items)[0],))
    if logged:
        yield from keep_logs(sql, logged)
    if failed:
        yield Statement(sql("fail"), _failures(sql, failed))
    others = [] if successes is items else [item for item in items if not simple(item)]
    written, rescued = 0, set[str]()
    back: dict[str, int] = {}
    if successes:
        params = (*guards(successes), _results(successes), now)
        written += (yield Statement(sql("succeed"), params)).count
    if others:
        rows = (yield Statement(sql("settle"), (*_fates(sql, others), now))).rows
        written += len(rows)
        for job_id, queue, state in rows:
            rescued.add(job_id)
            if state == State.QUEUED:
                back[queue] = back.get(queue, 0) + 1
    refused: tuple[str, ...] = ()
    if written < len(items):
        refused = yield from _refused(sql, items, rescued)
    return refused, back


def plain(items: Sequence[Settlement]) -> bool:
    """Whether a single statement can write all of them."""
    # As one expression: a call for each item would take longer than the rest.
    succeeded = State.SUCCEEDED
    return all(
        [one.state is succeeded and not (one.rescue or one.error or one.claim.log) for one in items]
    )


def simple(item: Settlement) -> bool:
    """Whether a single statement can write it."""
    return plain((item,))


def held(sql: Texts, item: Settlement) -> Plan[bool]:
    """Whether the claim of a settlement holds; if so, lock it until the transaction ends."""
    guard = (item.claim.job.id, item.claim.job.fence)
    return bool((yield Statement(sql("held"), guard)).rows)


def _refused(sql: Texts, items: Sequence[Settlement], rescued: set[str]) -> Plan[tuple[str, ...]]:
    """Return the refused settlements: those whose jobs now have another fence.

    A job that no longer runs, under the same fence, was settled by its holder, now or before. A
    rescue changes the fence itself, so a rescue that wrote nothing came too late.
    """
    rows = (yield Statement(sql("same_fence"), guards(items))).rows
    same = {row[0] for row in rows}
    return tuple(
        item.claim.job.id
        for item in items
        if item.claim.job.id not in (rescued if item.rescue else same)
    )


def guards(items: Sequence[Settlement]) -> tuple[TextArray, Integers]:
    """Return the ids and fences by which the statements check the claims of settlements."""
    jobs = [item.claim.job for item in items]
    return TextArray([job.id for job in jobs]), Integers([job.fence for job in jobs])


def _results(items: Sequence[Settlement]) -> Bytes:
    return Bytes([item.result for item in items])


def _fates(sql: Texts, items: Sequence[Settlement]) -> tuple[Array, ...]:
    """Return the arrays of the statement ``settle``."""
    queued = State.QUEUED  # keeps its time
    return (
        *guards(items),
        Shorts([item.state for item in items]),
        _results(items),
        Longs([None if item.state is queued else item.delay for item in items]),
        Longs([None if item.state is queued else item.run_at for item in items]),
        Integers([item.attempt for item in items]),
        Integers([item.crashes for item in items]),
        TextArray([item.reason and storable(item.reason, sql.codec) for item in items]),
        Longs([item.parked_at for item in items]),
        Booleans([item.rescue for item in items]),
    )


def _failures(sql: Texts, items: Sequence[Settlement]) -> tuple[Array, ...]:
    """Return the arrays of the statement ``fail``."""
    errors = [item.error for item in items if item.error is not None]
    return (
        *guards(items),
        Integers([error.attempt for error in errors]),
        Longs([error.at for error in errors]),
        TextArray([storable(error.worker, sql.codec) for error in errors]),
        TextArray([storable(error.type, sql.codec) for error in errors]),
        TextArray([storable(error.message, sql.codec) for error in errors]),
        TextArray([storable(error.traceback, sql.codec) for error in errors]),
    )
