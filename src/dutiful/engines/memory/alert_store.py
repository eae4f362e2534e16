"""Keeping alerts."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from dutiful.contract.roles.alert_store import AlertEntries, AlertEntry, AlertKind, next_version
from dutiful.core.alerting.sample import RunningJob
from dutiful.core.state import State

from .table import Tables


class MemoryAlerts:
    """The role `AlertStore`."""

    def __init__(self, tables: Tables) -> None:
        """Share the engine's tables."""
        self.tables = tables

    async def turn(self, name: str, every: int) -> int | None:
        """Take a turn, unless one was taken lately."""
        tables = self.tables
        with tables.lock:
            now, key = tables.clock.now(), (AlertKind.TURN, name)
            last = tables.alerts.get(key)
            if last is not None and now - every < last.at <= now:
                return None
            tables.alerts[key] = AlertEntry(AlertKind.TURN, name, 1, now)
            return now

    async def entries(self, kinds: Sequence[AlertKind], limit: int = 10_000) -> AlertEntries:
        """Return entries, latest first."""
        with self.tables.lock:
            found = [one for one in self.tables.alerts.values() if one.kind in kinds]
            found.sort(key=lambda one: (-one.at, one.kind, one.key))
            return AlertEntries(self.tables.clock.now(), tuple(found[:limit]))

    async def write(self, entries: Sequence[AlertEntry], drops: Sequence[AlertEntry] = ()) -> bool:
        """Write all, or nothing."""
        with self.tables.lock:
            stored = self.tables.alerts
            for one in (*entries, *drops):
                known = stored.get((one.kind, one.key))
                if (0 if known is None else known.version) != one.version:
                    return False
            for one in entries:
                stored[one.kind, one.key] = replace(one, version=next_version(one.version))
            for one in drops:
                stored.pop((one.kind, one.key), None)
            return True

    async def forget(self, kind: AlertKind, before: int, limit: int = 1_000) -> int:
        """Delete old entries."""
        with self.tables.lock:
            stored = self.tables.alerts
            old = [key for key, one in stored.items() if one.kind == kind and one.at < before]
            for key in old[:limit]:
                del stored[key]
            return len(old[:limit])

    async def longest(self, limit: int) -> tuple[RunningJob, ...]:
        """Return the jobs that have run longest."""
        with self.tables.lock:
            jobs = [job for job in self.tables.jobs.values() if job.state is State.RUNNING]
        jobs.sort(key=lambda job: (job.started_at or 0, job.id))
        return tuple(
            RunningJob(
                id=job.id,
                task=job.task,
                queue=job.queue,
                worker=job.worker or "",
                started_at=job.started_at or 0,
            )
            for job in jobs[:limit]
        )

    async def oldest_end(self, state: State) -> int | None:
        """Return when the job that ended first ended."""
        with self.tables.lock:
            ends = [job.finished_at for job in self.tables.jobs.values() if job.state is state]
        return min((at for at in ends if at is not None), default=None)
