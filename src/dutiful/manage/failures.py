"""The jobs whose latest attempt failed a short time ago."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.page import QueueCount
from dutiful.core.alerting.sample import Activity
from dutiful.core.errors import JobNotFound
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.state import State
from dutiful.services.allowance import Allowance

from .app_protocol import ManagedApp
from .choice import JobFilters
from .frame_records import FailureFrame
from .jobs import Jobs
from .reading import when
from .records import JobRecord

RECENT = HOUR
_SHARE = 50
_LEAST, _MOST = SECOND, 2 * MINUTE
_STALE = 30 * SECOND
"""Without a sign of new failures they are looked for after this: retried jobs are none any more."""
_LOOKED_AT = 100
_WALK_MAX = 10_000
"""Among more jobs of a state it takes long to find those whose last attempt failed."""
SHOWN_MAX = 12
_STATES = (State.DEAD, State.SCHEDULED)


class Failures:
    """Looks for failures when the counts say that there are new ones."""

    def __init__(self, app: ManagedApp, ticks: Callable[[], int]) -> None:
        """Ask nothing yet."""
        self._jobs = Jobs(app)
        self._ticks = ticks
        self._looking = Allowance(ticks, _SHARE, _MOST, _LEAST)
        self._signs: object = None
        self._looked = 0
        self._found: tuple[FailureFrame, ...] = ()
        self._known: dict[tuple[str, int, str], FailureFrame] = {}

    def reset(self) -> None:
        """Look with the next call."""
        self._signs = None
        self._looking.reset()

    async def look(
        self,
        store: Store,
        now: int,
        counts: Sequence[QueueCount],
        activity: Sequence[Activity],
    ) -> tuple[FailureFrame, ...]:
        """Return the latest failures of the last hour, latest first; at most `SHOWN_MAX`.

        Where jobs cannot be looked up, or too many are scheduled, tasks that fail are still named,
        as far as workers have counted their failures in ``activity``.
        """
        total = {state: sum(one.counts.get(state, 0) for one in counts) for state in _STATES}
        failing = sum(one.failed + one.dead + one.rescued + one.unknown for one in activity)
        signs = (total[State.DEAD], failing)
        stale = self._ticks() - self._looked > _STALE
        looks = signs != self._signs or stale
        if store.can(Capability.INSPECT) and looks and self._looking.allows():
            began = self._looked = self._ticks()
            self._found = await self._look(when(now - RECENT), total)
            self._looking.took(began)
            self._signs = signs
        tasks = {(one.queue, one.task) for one in self._found}
        others = [*_counted(activity, tasks)]
        found = sorted([*self._found, *others], key=lambda one: one.at, reverse=True)
        return tuple(found[:SHOWN_MAX])

    async def _look(self, since: datetime, total: Mapping[State, int]) -> tuple[FailureFrame, ...]:
        ended: JobFilters = {"state": "dead"}
        if total[State.DEAD] <= _WALK_MAX:
            ended["finished_after"] = since
        jobs = [*await self._jobs.alist(limit=_LOOKED_AT, **ended)]
        if total[State.SCHEDULED] <= _WALK_MAX:
            later = await self._jobs.alist(limit=_LOOKED_AT, state="scheduled")
            jobs += [one for one in later if one.attempt or one.parked_at is not None]
        jobs = [one for one in jobs if _ended(one) > since]
        jobs.sort(key=_ended, reverse=True)
        self._known = {_key(one): await self._failure(one) for one in jobs[:SHOWN_MAX]}
        return tuple(self._known.values())

    async def _failure(self, job: JobRecord) -> FailureFrame:
        """Return a failure with its error, which is read once."""
        if _key(job) in self._known:
            return self._known[_key(job)]
        try:
            errors = await self._jobs.aerrors(job.id)
        except JobNotFound:  # it was purged meanwhile
            errors = ()
        latest = errors[-1] if errors and errors[-1].attempt >= job.attempt else None
        return FailureFrame(
            job_id=job.id,
            task=job.task,
            queue=job.queue,
            state=job.state,
            attempt=job.attempt,
            max_attempts=job.max_attempts,
            at=_ended(job) if latest is None else latest.at,
            error_type="" if latest is None else latest.type,
            message=job.reason or "" if latest is None else latest.message,
        )


def _counted(
    activity: Iterable[Activity], listed: Collection[tuple[str, str]]
) -> Iterator[FailureFrame]:
    """Name the tasks that failed in the last minutes and of which no job is listed."""
    sums: dict[tuple[str, str], Activity] = {}
    for one in sorted(activity, key=lambda row: row.at):
        if one.kind == "task" and (key := (one.queue, one.name)) not in listed:
            sums[key] = sums[key].plus(one) if key in sums else one
    latest = {(one.queue, one.name): one.at for one in sorted(activity, key=lambda row: row.at)}
    for (queue, task), one in sums.items():
        if count := one.failed + one.rescued + one.unknown:
            kind, colon, message = one.error.partition(": ")
            yield FailureFrame(
                job_id=None,
                task=task,
                queue=queue,
                count=count,
                at=when(latest[queue, task]),
                error_type=kind if colon else "",
                message=message if colon else one.error,
            )


def _key(job: JobRecord) -> tuple[str, int, str]:
    return job.id, job.attempt, job.state


def _ended(job: JobRecord) -> datetime:
    """Return about when the latest attempt ended: the store has no more of a job that waits."""
    return job.finished_at or job.started_at or job.parked_at or job.enqueued_at
