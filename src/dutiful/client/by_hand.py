"""Occurrences that a person asks for; they do not change when the schedule fires next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.core.advance import before, make, staying
from dutiful.core.errors import EngineUnavailable, UnknownSchedule, UsageError
from dutiful.core.job import NewJob
from dutiful.core.occurrence import GaveWay, Occurrence, Standing, with_jobs
from dutiful.core.schedule import read
from dutiful.core.text import worded

_TRIES = 20

Prepare = Callable[[Sequence[NewJob]], Awaitable[Sequence[NewJob]]]
"""Passes jobs through the ``on_enqueue`` hooks."""


class Ran(NamedTuple):
    """What became of an occurrence that was asked for."""

    job_id: str
    """The job's, or that of the job that holds its unique key."""
    created: bool


class Written(NamedTuple):
    """What became of occurrences that were added."""

    standing: Standing
    """Where their schedule stands now."""
    made: int
    gave_way: tuple[GaveWay, ...]


async def run_now(store: Store, standing: Standing, prepare: Prepare | None = None) -> Ran:
    """Enqueue an occurrence at the store's now; DuplicateJob as its unique rule says."""
    schedule = read(standing.spec)
    now = (await store.schedules.due(0)).now
    occurrence = make(schedule, now, before(schedule, now))
    if occurrence.job is None:
        raise AssertionError("an occurrence that is made has a job")
    job = replace(occurrence.job, meta={**occurrence.job.meta, "by_hand": "yes"}, run_at=None)
    asked = [replace(occurrence, job=job, why="by hand")]
    try:
        ready = await hooked(prepare, asked)
    except Exception as error:
        text = f"an on_enqueue hook refused the job of schedule {schedule.name}: {worded(error)}"
        raise UsageError(text) from error
    written = await add_beside(store, standing, ready)
    for one in written.gave_way:
        return Ran(one.holder, created=False)
    return Ran(ready[0].job.id if ready[0].job else job.id, created=True)


async def hooked(prepare: Prepare | None, occurrences: Sequence[Occurrence]) -> list[Occurrence]:
    """Pass the jobs of occurrences through the hooks; raises what they raise."""
    if prepare is None:
        return list(occurrences)
    jobs = await prepare([one.job for one in occurrences if one.job is not None])
    return list(with_jobs(occurrences, jobs))


async def add_beside(
    store: Store, standing: Standing, occurrences: Sequence[Occurrence]
) -> Written:
    """Record occurrences, though the schedule itself may fire meanwhile."""
    for _ in range(_TRIES):
        if standing.retired_at is not None:
            raise UsageError(
                f"schedule {standing.name} is retired; declare it again in code and start a worker"
            )
        move = replace(staying(standing), occurrences=tuple(occurrences), by_hand=True)
        answer = await store.schedules.advance([move])
        found = await store.schedules.standings([standing.name])
        if not found or found[0].created_at != standing.created_at:
            raise UnknownSchedule(standing.name)  # deleted, and perhaps made again, meanwhile
        standing = found[0]
        if answer.accepted:
            return Written(standing, len(answer.made), answer.gave_way)
    raise EngineUnavailable(f"schedule {standing.name} is busy; try again")
