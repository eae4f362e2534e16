"""Looking at jobs."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from dutiful.contract.page import DeadGroup, Filter, JobPage, QueueCount, bad_cursor
from dutiful.core.apply import due as is_due
from dutiful.core.job import AttemptError, Job
from dutiful.core.state import State

from .table import Tables

_CURSOR = re.compile("[0-9]{1,19}")


class MemoryInspector:
    """The role `Inspector`."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def get(self, ids: Sequence[str]) -> tuple[Job, ...]:
        """Return the jobs found."""
        with self.tables.lock:
            found = [self.tables.one(job_id) for job_id in ids]
        return tuple(job for job in found if job is not None)

    async def find(self, which: Filter, limit: int, cursor: str | None = None) -> JobPage:
        """List matching jobs, newest first; the cursor is a position in the order of enqueueing."""
        with self.tables.lock:
            rows = [(place, self.tables.jobs[job_id]) for job_id, place in self.tables.placed()]
        if cursor is not None and not _CURSOR.fullmatch(cursor):
            raise bad_cursor(cursor)
        matching = [
            (place, job)
            for place, job in reversed(rows)
            if (cursor is None or place < int(cursor)) and self._matches(job, which)
        ]
        page = matching[:limit]
        more = len(matching) > limit
        return JobPage(tuple(job for _, job in page), str(page[-1][0]) if more else None)

    async def errors(self, job_id: str) -> tuple[AttemptError, ...]:
        """Return a job's errors."""
        with self.tables.lock:
            return tuple(self.tables.failures.get(job_id, ()))

    async def steps(self, job_id: str) -> dict[str, bytes]:
        """Return a job's steps."""
        with self.tables.lock:
            return dict(self.tables.recorded.get(job_id, {}))

    async def queues(self) -> tuple[QueueCount, ...]:
        """Count by queue and state."""
        tables = self.tables
        with tables.lock:
            counts: defaultdict[str, Counter[State]] = defaultdict(Counter)
            oldest: dict[str, int] = {}
            due: Counter[str] = Counter()
            now = tables.clock.now()
            for job in tables.jobs.values():
                counts[job.queue][job.state] += 1
                unstaged = is_due(job, now)
                due[job.queue] += unstaged
                if unstaged or job.state is State.QUEUED:
                    oldest[job.queue] = min(job.run_at, oldest.get(job.queue, job.run_at))
            for queue in tables.paused:
                counts[queue].update(())
            return tuple(
                QueueCount(
                    queue,
                    dict(counts[queue]),
                    tables.paused.get(queue),
                    oldest.get(queue),
                    due[queue],
                )
                for queue in sorted(counts)
            )

    async def dead_groups(self) -> tuple[DeadGroup, ...]:
        """Group dead letters."""
        groups: defaultdict[tuple[str, str, str], list[tuple[int, str]]] = defaultdict(list)
        with self.tables.lock:
            for job in self.tables.jobs.values():
                if job.state is State.DEAD:
                    last = self._last(job)
                    kind, message = (last.type, last.message) if last else ("", "")
                    key = (job.task, job.reason or "", kind)
                    groups[key].append((job.finished_at or 0, message))
        listed = [
            DeadGroup(*key, message=max(dead)[1], count=len(dead), latest_at=max(dead)[0])
            for key, dead in groups.items()
        ]
        return tuple(sorted(listed, key=lambda group: -group.count))

    async def tally(self) -> dict[str, int]:
        """Return the totals of the store's whole life."""
        with self.tables.lock:
            return dict(self.tables.totals)

    def _last(self, job: Job) -> AttemptError | None:
        errors = self.tables.failures.get(job.id)
        return errors[-1] if errors else None

    def _matches(self, job: Job, which: Filter) -> bool:
        last = self._last(job) if which.error_type else None
        return (
            (not which.unreadable or job.unreadable is not None)
            and (not which.states or job.state in which.states)
            and (not which.queues or job.queue in which.queues)
            and (not which.tasks or job.task in which.tasks)
            and (which.tag is None or which.tag in job.tags)
            and (which.reason is None or job.reason == which.reason)
            and (which.error_type is None or (last is not None and last.type == which.error_type))
            and (which.worker is None or job.worker == which.worker)
            and (which.enqueued_after is None or job.enqueued_at >= which.enqueued_after)
            and (which.enqueued_before is None or job.enqueued_at < which.enqueued_before)
            and _within(job.finished_at, which.finished_after, which.finished_before)
        )


def _within(at: int | None, after: int | None, before: int | None) -> bool:
    if after is None and before is None:
        return True
    return at is not None and at >= (after or 0) and (before is None or at < before)
