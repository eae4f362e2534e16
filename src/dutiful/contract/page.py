"""Filters, pages, counts and findings, for those who look at a store."""

from __future__ import annotations

import msgspec

from dutiful.core.errors import BadOption
from dutiful.core.job import Job
from dutiful.core.state import State
from dutiful.core.text import shown

PREFIX_MIN = 8
"""How many characters of an id's beginning are needed to find the job by them."""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to list: a job matches when it meets every condition that is set."""

    states: tuple[State, ...] = ()
    queues: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    tag: str | None = None
    reason: str | None = None
    error_type: str | None = None
    """Type of the error of the latest failed attempt."""
    worker: str | None = None
    enqueued_after: int | None = None
    enqueued_before: int | None = None
    finished_after: int | None = None
    """A job that has not ended matches neither this condition nor the next."""
    finished_before: int | None = None
    unreadable: bool = False
    """Only jobs that cannot be read: see `core.job.Job.unreadable`."""

    @property
    def searched(self) -> tuple[State | None, ...]:
        """The states to look through, each once; None stands for all of them."""
        if self.worker is not None and not self.states:
            return (State.RUNNING,)  # no other job has a worker
        return tuple(dict.fromkeys(self.states)) or (None,)


class JobPage(msgspec.Struct, frozen=True):
    """Jobs, newest first; ``cursor`` asks for the next page, None means that there is none."""

    jobs: tuple[Job, ...]
    cursor: str | None = None


def bad_cursor(cursor: str) -> BadOption:
    """Return the error for a cursor that no page of the engine had."""
    return BadOption(f"cursor {shown(cursor)}; pass on the cursor of the page before")


class QueueCount(msgspec.Struct, frozen=True):
    """How many jobs of each state a queue holds, and whether it is paused."""

    queue: str
    counts: dict[State, int]
    paused_at: int | None = None
    oldest_queued_at: int | None = None
    """When the longest-waiting job became due, among queued jobs and those counted in ``due``."""
    due: int = 0
    """How many scheduled and waiting jobs are due; a worker of the queue will make them queued."""

    @property
    def ready(self) -> int:
        """How many jobs a worker of this queue could claim now if the queue were not paused."""
        return self.counts.get(State.QUEUED, 0) + self.due


class DeadGroup(msgspec.Struct, frozen=True):
    """Dead letters of one task, reason and error type."""

    task: str
    reason: str
    error_type: str
    message: str
    """The message of the latest of them."""
    count: int
    latest_at: int


class Finding(msgspec.Struct, frozen=True):
    """One thing that `check` looked at."""

    name: str
    ok: bool
    text: str
