"""Writing what schedulers have decided: positions, occurrences, jobs and cancellations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from dutiful.contract.scheduling import KEPT_MAX, Advanced
from dutiful.contract.statement import Plan, Statement
from dutiful.core.occurrence import Advance, Occurrence

from .arrays import Array, Booleans, Longs, TextArray, columns
from .controller import cancel
from .declaring import PATIENCE
from .producer import store
from .rows import storable
from .statements import Texts

_OCCURRENCE: tuple[type[Array], ...] = (
    *(TextArray, Longs, Longs, Longs, TextArray, TextArray, TextArray, Booleans, Longs, Longs),
)
_POSITION = (TextArray, Longs, Longs, Longs, Longs, TextArray, Longs)


def advance(sql: Texts, now: int | None, *, moves: Sequence[Advance]) -> Plan[Advanced]:
    """Write the moves whose schedules still have the version that was read."""
    numbers = yield from _admitted(sql, moves)
    accepted = [move for move in moves if move.name in numbers]
    if not accepted:
        return Advanced()
    fresh = yield from _note(sql, accepted, numbers, now)
    numbers.update(Counter(name for name, _ in fresh))
    positions = [_position(move, numbers[move.name]) for move in accepted]
    yield Statement(sql("schedules_advance"), columns(_POSITION, positions))
    old = [(name, number - KEPT_MAX) for name, number in numbers.items() if number > KEPT_MAX]
    if old:
        yield Statement(sql("occurrences_forget"), columns((TextArray, Longs), old))
    doomed = [job_id for move in accepted for job_id in move.cancel]
    cancelled = (yield from cancel(sql, doomed, now)) if doomed else ()
    jobs = [one.job for _, one in fresh if one.job is not None]
    # Sleepers are looked for at the commit, so that none is woken by what is rolled back.
    stored = (yield from store(sql, jobs, now, late=True)) if jobs else set[str]()
    made = tuple([job.id for job in jobs if job.id in stored])
    return Advanced(tuple([move.name for move in accepted]), made, cancelled)


def _admitted(sql: Texts, moves: Sequence[Advance]) -> Plan[Counter[str]]:
    """Lock the schedules that take their moves; return by name how many occurrences they have."""
    given = [(move.name, move.version, move.by_hand) for move in moves]
    params = (*columns((TextArray, Longs, Booleans), given), PATIENCE)
    return Counter(dict((yield Statement(sql("schedules_admit"), params)).rows))


def _note(
    sql: Texts, moves: Sequence[Advance], numbers: Counter[str], now: int | None
) -> Plan[list[tuple[str, Occurrence]]]:
    """Record occurrences and return those that were not recorded before."""
    given = {(move.name, one.planned): one for move in moves for one in move.occurrences}
    if not given:
        return []
    rows = [_row(name, one, numbers[name]) for (name, _), one in given.items()]
    params = (*columns(_OCCURRENCE, rows), now)
    fresh = set((yield Statement(sql("occurrences_add"), params)).rows)
    return [(name, one) for (name, planned), one in given.items() if (name, planned) in fresh]


def _row(name: str, one: Occurrence, base: int) -> tuple[Any, ...]:
    job_id = None if one.job is None else one.job.id
    what = (name, one.planned, one.previous, base, one.kind, one.why, job_id)
    return (*what, one.backfilled, one.start_by, one.finish_by)


def _position(move: Advance, number: int) -> tuple[Any, ...]:
    broken = None if move.broken is None else storable(move.broken)
    return (move.name, number, move.last, move.next, move.held, broken, move.retry_at)
