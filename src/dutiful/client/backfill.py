"""Occurrences that a person asks for: now, or of a stretch of the past."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.core.advance import before, make, staying
from dutiful.core.errors import EngineUnavailable, UnknownSchedule, UsageError
from dutiful.core.instant import SECOND, SPAN_MAX, within_years
from dutiful.core.occurrence import Occurrence, Standing
from dutiful.core.schedule import Schedule, planned_between, read
from dutiful.core.text import shown

BACKFILL_MAX = 100_000
"""How many occurrences one backfill makes at most, so that a slip of the pen makes no million."""
_BATCH = 500
_TRIES = 20

Progress = Callable[[int, int], None]
"""Told how many of how many instants have been dealt with."""


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the past, both ends included, and how fast its jobs become due."""

    start: int
    end: int
    per_second: float | None = 10.0
    """How many of the jobs become due in a second; None lets all be due at once."""

    def __post_init__(self) -> None:
        """Refuse bounds that are not instants, and a rate that is not above zero."""
        for name, at in (("start", self.start), ("end", self.end)):
            if type(at) is not int:
                raise UsageError(f"{name}={shown(at)}; give microseconds since 1970")
            within_years(at, at)
        if self.per_second is not None and not _is_pace(self.per_second):
            raise UsageError(f"per_second={shown(self.per_second)}; give a number above 0, or None")


def _is_pace(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < math.inf


class _Written(NamedTuple):
    standing: Standing
    made: int


def instants(schedule: Schedule, backfill: Backfill) -> tuple[int, ...]:
    """List the planned instants of a backfill; UsageError when they are too many."""
    walk = planned_between(schedule, backfill.start, backfill.end)
    found = tuple(islice(walk, BACKFILL_MAX + 1))
    if len(found) > BACKFILL_MAX:
        raise UsageError(
            f"{schedule.name} has more than {BACKFILL_MAX:,} occurrences in that stretch; "
            "backfill it in parts"
        )
    return found


async def fill_in(
    store: Store, standing: Standing, backfill: Backfill, progress: Progress | None = None
) -> int:
    """Enqueue the occurrences of a stretch that have no record yet, and return how many."""
    schedule = read(standing.spec)
    if backfill.end > (await store.scheduling.due(0)).now:
        raise UsageError(
            f"the stretch to backfill of {standing.name} ends in the future; "
            "end it before now, the schedule itself makes what is to come"
        )
    planned = instants(schedule, backfill)
    made = 0
    for done in range(0, len(planned), _BATCH):
        part = planned[done : done + _BATCH]
        standing, new = await _add(store, standing, _occurrences(schedule, part, backfill, made))
        made += new
        if progress is not None:
            progress(done + len(part), len(planned))
    return made


async def run_now(store: Store, standing: Standing) -> str:
    """Enqueue an occurrence at the store's now and return its job's id."""
    schedule = read(standing.spec)
    now = (await store.scheduling.due(0)).now
    occurrence = make(schedule, now, before(schedule, now))
    if occurrence.job is None:
        raise AssertionError("an occurrence that is made has a job")
    job = replace(occurrence.job, meta={**occurrence.job.meta, "by_hand": "yes"}, run_at=None)
    await _add(store, standing, [replace(occurrence, job=job, why="by hand")])
    return job.id


async def _add(store: Store, standing: Standing, occurrences: Sequence[Occurrence]) -> _Written:
    """Record occurrences beside the schedule's own course, which may move meanwhile."""
    for _ in range(_TRIES):
        if standing.retired_at is not None:
            raise UsageError(
                f"schedule {standing.name} is retired; declare it again in code and start a worker"
            )
        move = replace(staying(standing), occurrences=tuple(occurrences), by_hand=True)
        answer = await store.scheduling.advance([move])
        found = await store.scheduling.standings([standing.name])
        if not found or found[0].created_at != standing.created_at:
            raise UnknownSchedule(standing.name)  # deleted, and perhaps made again, meanwhile
        standing = found[0]
        if answer.accepted:
            return _Written(standing, len(answer.made))
    raise EngineUnavailable(f"schedule {standing.name} is busy; try again")


def _occurrences(
    schedule: Schedule, planned: Sequence[int], backfill: Backfill, made: int
) -> list[Occurrence]:
    """Build occurrences whose jobs become due one after another, behind those made before."""
    found: list[Occurrence] = []
    previous = before(schedule, planned[0])
    for place, at in enumerate(planned, made):
        one = make(schedule, at, previous, backfilled=True)
        if backfill.per_second is not None and one.job is not None:
            delay = round(min(place / backfill.per_second, SPAN_MAX / SECOND) * SECOND)
            one = replace(one, job=replace(one.job, delay=delay))
        found.append(one)
        previous = at
    return found
