"""Which occurrences of a schedule a store has records of, and whether it has forgotten some."""

from __future__ import annotations

from typing import NamedTuple

from dutiful.contract.facade import Store
from dutiful.core.occurrence import Standing

_PAGE = 1000


class KnownOccurrences(NamedTuple):
    """What a store knows of a schedule's occurrences."""

    planned: frozenset[int]
    """The instants that have a record."""
    forgotten: int | None
    """An instant after which all that was planned has a record; None if nothing was forgotten."""


async def known_occurrences(store: Store, standing: Standing, now: int) -> KnownOccurrences:
    """Read all records of a schedule.

    Occurrences are numbered without a gap as they are recorded. Whatever is forgotten was recorded
    before those that follow the last gap, and planned no later than it was recorded. Records that
    are added meanwhile have higher numbers than the standing knows of.
    """
    planned, recorded_at = set[int](), dict[int, int]()
    before: int | None = None
    while rows := await store.schedules.occurrences(standing.name, _PAGE, before):
        planned.update(row.planned for row in rows)
        recorded_at.update((row.number, row.recorded_at) for row in rows)
        before = rows[-1].planned
    number = standing.number
    while number in recorded_at:
        number -= 1
    forgotten = recorded_at.get(number + 1, now) if number > 0 else None
    return KnownOccurrences(frozenset(planned), forgotten)
