"""Export and import of a store's content."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from dutiful.contract.roles.transfer import (
    SHUT,
    Dumped,
    FillResult,
    HistoryPage,
    Record,
    Refusal,
    ScheduleHistory,
    fillable,
    held_shut,
    key_held,
    still_open,
    without_state,
)
from dutiful.core.fence import raised_floor
from dutiful.core.job import Job
from dutiful.core.occurrence import Recorded
from dutiful.core.task_log import read_log, written
from dutiful.core.unique import holds

from .table import StoredJob, Tables


class MemoryTransfer:
    """The roles `Exporter` and `Importer`.

    The cursor is a position in the order of enqueueing (`Tables.placed`).
    """

    def __init__(self, tables: Tables, fresh: Callable[[StoredJob], Recorded]) -> None:
        """Share the engine's tables; ``fresh`` adds the state of its job to an occurrence."""
        self.tables = tables
        self._fresh = fresh

    async def dump(self, limit: int, cursor: str | None = None) -> Dumped:
        """List records, oldest first."""
        after = -1 if cursor is None else int(cursor)
        with self.tables.lock:
            waiting = [job_id for job_id, place in self.tables.placed() if place > after]
            page = waiting[:limit]
            records = tuple(self._record(self.tables.jobs[job_id]) for job_id in page)
            more = len(waiting) > limit and page
            return Dumped(records, str(self.tables.places[page[-1]]) if more else None)

    async def fetch(self, ids: Sequence[str]) -> tuple[Record, ...]:
        """Return the records found."""
        with self.tables.lock:
            return tuple(self._record(job) for job in self.tables.some(ids))

    async def fill(self, records: Sequence[Record]) -> FillResult:
        """Store records as they are."""
        tables, stored, refused = self.tables, list[str](), list[Refusal]()
        with tables.lock:
            for record in records:
                job = record.job
                if job.id in tables.jobs:
                    continue
                holder = tables.holder(job.unique_key) if _keyed(job) else None
                if holder is not None:
                    refused.append(key_held(job, f"job {holder.id}"))
                    continue
                # Not by `put`, which checks the change of state: a copied job may have any state.
                tables.jobs[job.id] = job
                if record.errors:
                    tables.failures[job.id] = list(record.errors)
                if record.steps:
                    tables.recorded[job.id] = dict(record.steps)
                if record.log:
                    tables.logs[job.id] = written(record.log)
                tables.totals["enqueued"] += 1
                stored.append(job.id)
        tables.wake()
        return FillResult(tuple(stored), tuple(refused))

    async def drop(self, jobs: Sequence[Job]) -> tuple[str, ...]:
        """Delete jobs that are still as given."""
        tables = self.tables
        with tables.lock:
            same = [job for job in jobs if tables.jobs.get(job.id) == job]
            for job in same:
                tables.delete(job, "purged")
            return tuple(job.id for job in same)

    async def fence_floor(self) -> int:
        """Return the highest fence of all deleted jobs."""
        with self.tables.lock:
            return self.tables.floor

    async def raise_fence_floor(self, floor: int) -> None:
        """Make the fences of new claims higher than a floor."""
        with self.tables.lock:
            self.tables.floor = raised_floor(self.tables.floor, floor)

    async def identity(self) -> str:
        """Return the unique id of this store."""
        return self.tables.identity

    def storable(self, text: str) -> str:
        """Return the text, which memory keeps as it is."""
        return text

    async def shut(self, queues: Sequence[str], other: str) -> tuple[Refusal, ...]:
        """Stop claims from queues that are open."""
        tables = self.tables
        with tables.lock:
            for queue in queues:
                if queue not in tables.paused:
                    tables.paused[queue] = tables.clock.now()
                    tables.shut[queue] = set()
                if queue in tables.shut:
                    tables.shut[queue].add(other)
        return ()

    async def reopen(self, queues: Sequence[str], other: str) -> tuple[str, ...]:
        """Open queues that are shut for no other store."""
        tables = self.tables
        with tables.lock:
            shut = [queue for queue in dict.fromkeys(queues) if queue in tables.shut]
            for queue in shut:
                tables.shut[queue].discard(other)
            freed = [queue for queue in shut if not tables.shut[queue]]
            for queue in freed:
                del tables.shut[queue], tables.paused[queue]
        tables.wake()
        return tuple(freed)

    async def shut_queues(self, other: str | None = None) -> tuple[str, ...]:
        """Name the queues that are shut."""
        with self.tables.lock:
            shut = self.tables.shut.items()
            return tuple(sorted(queue for queue, marks in shut if other is None or other in marks))

    async def dump_schedules(self, limit: int, cursor: str | None = None) -> HistoryPage:
        """List schedules by name."""
        tables = self.tables
        with tables.lock:
            names = sorted(name for name in tables.standings if name > (cursor or ""))
            page = tuple(self._history(name) for name in names[:limit])
            return HistoryPage(page, names[limit - 1] if len(names) > limit else None)

    async def fill_schedules(self, histories: Sequence[ScheduleHistory], other: str) -> FillResult:
        """Store schedules, shut."""
        tables, stored = self.tables, list[str]()
        with tables.lock:
            ours = {name for name in tables.standings if self._shut_for(name, other)}
            for history in fillable(histories, tables.standings, ours):
                name = history.standing.name
                tables.standings[name] = held_shut(history.standing)
                tables.shut_for[name] = other
                tables.histories[name] = {
                    one.planned: StoredJob(without_state(one), open=still_open(one))
                    for one in history.occurrences
                }
                stored.append(name)
        return FillResult(tuple(stored))

    async def reopen_schedules(self, names: Sequence[str], other: str) -> tuple[str, ...]:
        """Let shut schedules fire again."""
        tables, freed = self.tables, list[str]()
        with tables.lock:
            for one in [tables.standings[name] for name in names if name in tables.standings]:
                if self._shut_for(one.name, other):
                    opened = replace(one, paused_at=None, version=one.version + 1)
                    tables.standings[one.name] = opened
                    freed.append(one.name)
        return tuple(freed)

    def _shut_for(self, name: str, other: str) -> bool:
        tables = self.tables
        return tables.standings[name].paused_at == SHUT and tables.shut_for.get(name) == other

    def _history(self, name: str) -> ScheduleHistory:
        entries = sorted(self.tables.histories.get(name, {}).items())
        return ScheduleHistory(
            self.tables.standings[name], tuple(self._fresh(entry) for _, entry in entries)
        )

    def _record(self, job: Job) -> Record:
        tables = self.tables
        errors = tuple(tables.failures.get(job.id, ()))
        log = read_log(tables.logs.get(job.id))
        return Record(job, errors, dict(tables.recorded.get(job.id, {})), log)


def _keyed(job: Job) -> bool:
    return job.unique_key is not None and holds(job.unique_states, job.state)
