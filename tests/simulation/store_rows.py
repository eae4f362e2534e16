"""The store's rows as the auditor reads them, whichever engine keeps them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from dutiful.core.job import AttemptError, Job
from dutiful.engines.memory.table import Tables

Written = tuple[str, str, int]
"""What a task wrote through its transaction: a word, the job's id and the claim's fence."""


class StoreRows(Protocol):
    """What the store holds, as of the last look."""

    @property
    def jobs(self) -> Mapping[str, Job]:
        """Every job; a row that has not changed is the same object."""
        ...

    @property
    def enqueued(self) -> int:
        """How many jobs the store counts as enqueued."""
        ...

    @property
    def written(self) -> Collection[Written]:
        """What transactions of tasks have committed."""
        ...

    def look(self) -> None:
        """Read the store again."""
        ...

    def steps(self, job_id: str) -> dict[str, bytes]:
        """Read a job's recorded steps."""
        ...

    def errors(self, job_id: str) -> Sequence[AttemptError]:
        """Read what a job's failed attempts left behind."""
        ...

    def is_lost(self, worker: str) -> bool:
        """Whether a worker that is on the list was declared lost."""
        ...


class MemoryStoreRows:
    """Looks into the memory engine's tables, which are always up to date."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    @property
    def jobs(self) -> Mapping[str, Job]:
        return self._tables.jobs

    @property
    def written(self) -> Any:
        return self._tables.data

    @property
    def enqueued(self) -> int:
        return self._tables.totals["enqueued"]

    def look(self) -> None: ...

    def steps(self, job_id: str) -> dict[str, bytes]:
        return self._tables.recorded.get(job_id, {})

    def errors(self, job_id: str) -> Sequence[AttemptError]:
        return self._tables.failures.get(job_id, ())

    def is_lost(self, worker: str) -> bool:
        return self._tables.fleet[worker].lost


class Rows(Protocol):
    """How one SQL engine's tables are read, past the engine's own roles."""

    def jobs(self) -> Sequence[tuple[Any, ...]]:
        """Return all jobs' columns, oldest first; the second is the id."""
        ...

    def glance(self) -> tuple[int, Collection[Written]]:
        """Return how many jobs are counted as enqueued, and what transactions committed."""
        ...

    def steps(self, job_id: str) -> dict[str, bytes]:
        """Return the recorded steps of a job."""
        ...

    def errors(self, job_id: str) -> Sequence[AttemptError]:
        """Return the errors of a job."""
        ...

    def is_lost(self, worker: str) -> bool:
        """Whether a worker's row says that it is lost."""
        ...


class SqlStoreRows:
    """Reads every row after each operation, and builds a job again only where its row changed."""

    def __init__(self, rows: Rows, job_of: Callable[[tuple[Any, ...]], Job]) -> None:
        self.jobs: dict[str, Job] = {}
        self.enqueued = 0
        self.written: Collection[Written] = ()
        self.steps, self.errors, self.is_lost = rows.steps, rows.errors, rows.is_lost
        self._rows = rows
        self._job_of = job_of
        self._raw: dict[str, tuple[Any, ...]] = {}

    def look(self) -> None:
        before, raw = self.jobs, self._raw
        self.jobs, self._raw = {}, {}
        for row in self._rows.jobs():
            job_id = row[1]
            same = raw.get(job_id) == row
            self.jobs[job_id] = before[job_id] if same else self._job_of(row)
            self._raw[job_id] = row
        self.enqueued, self.written = self._rows.glance()
