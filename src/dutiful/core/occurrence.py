"""The records of schedules in a store: where each stands, and what became of each occurrence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from .job import NewJob
from .state import State

Kind = Literal["enqueued", "skipped", "missed"]
Deadline = Literal["start", "finish"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a schedule stands; instants are microseconds since the epoch."""

    name: str
    spec: bytes
    """The `Schedule`, as `core.schedule.written` wrote it."""
    app: str | None = None
    exclusive: bool = False
    """Whether its overlap rule asks for the jobs that still live."""
    version: int = 1
    """Grows with every write; who advances names the version that was read."""
    number: int = 0
    """How many occurrences were recorded."""
    created_at: int
    changed_at: int
    """When its spec was last written."""
    last: int | None = None
    """The latest planned instant that was dealt with."""
    next: int | None = None
    """The next planned instant; None when there is none."""
    held: int | None = None
    """An occurrence that waits for the job before it to end (``queue-one``)."""
    held_previous: int | None = None
    """The planned instant before that one, whose rule may have changed since."""
    since: int
    """When it began, was resumed or brought back: what was planned before is a misfire."""
    paused_at: int | None = None
    retired_at: int | None = None
    """When the app that declared it stopped doing so; its history stays."""
    broken: str | None = None
    """Why it could not be advanced, when it last failed."""
    retry_at: int | None = None
    """When a broken one is tried again."""
    unreadable: str | None = None
    """The names of columns that cannot be read; safe values stand in their place."""


class Due(msgspec.Struct, frozen=True):
    """A schedule to look at, with the jobs of its earlier occurrences that have not ended."""

    standing: Standing
    live: tuple[str, ...] = ()
    """Ids, oldest first; only given for an exclusive schedule."""


class Occurrence(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence to record, with its job if it is to have one."""

    planned: int
    previous: int | None = None
    kind: Kind = "enqueued"
    why: str | None = None
    """Why it has no job, or was not made at its time by its rule."""
    job: NewJob | None = None
    backfilled: bool = False
    start_by: int | None = None
    finish_by: int | None = None


def with_jobs(occurrences: Sequence[Occurrence], jobs: Sequence[NewJob]) -> tuple[Occurrence, ...]:
    """Give occurrences other jobs, in the order of those that have one."""
    given = iter(jobs)
    return tuple(one if one.job is None else replace(one, job=next(given)) for one in occurrences)


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """What a store writes in one step if the schedule still has this version."""

    name: str
    version: int
    last: int | None
    next: int | None
    held: int | None = None
    held_previous: int | None = None
    occurrences: tuple[Occurrence, ...] = ()
    cancel: tuple[str, ...] = ()
    """Ids of jobs to cancel, or to ask to end."""
    broken: str | None = None
    retry_at: int | None = None
    by_hand: bool = False
    """Whether a person asked: a paused schedule takes it, too."""
    missed: int = 0
    """How many misfires are not made up for; for the event alone."""
    missed_last: int | None = None


class GaveWay(msgspec.Struct, frozen=True):
    """An occurrence whose job was not stored, since another job holds its unique key."""

    schedule: str
    planned: int
    holder: str
    """The id of the job that holds the key."""
    replaced: bool = False
    """Whether that job runs what the occurrence's was to run (``on_conflict="replace"``)."""

    @property
    def kind(self) -> Kind:
        """What is recorded of it."""
        return "enqueued" if self.replaced else "skipped"

    @property
    def why(self) -> str:
        """Which job kept it out, for the record."""
        if self.replaced:
            return f"job {self.holder} held its unique key, and runs in its place"
        return f"job {self.holder} holds its unique key"

    @property
    def job_id(self) -> str | None:
        """The job that runs it, if one does."""
        return self.holder if self.replaced else None


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """An occurrence as the store knows it."""

    schedule: str
    planned: int
    previous: int | None = None
    number: int
    kind: Kind
    why: str | None = None
    job_id: str | None = None
    recorded_at: int
    """When it was enqueued, or found to have no job."""
    backfilled: bool = False
    start_by: int | None = None
    finish_by: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    state: State | None = None
    """The job's state; None when there is no job, or it was purged before it ended."""
    reported: tuple[Deadline, ...] = ()
    """Which missed deadlines were reported."""


class DeclarationVersion(msgspec.Struct, frozen=True):
    """One version of an app's declared schedules, as the store has seen it."""

    digest: str
    rank: int
    """Grows with each declaration version that appears, or appears again after it was gone."""
    seen_at: int
    applied: int = 0
    """Grows with each time that a declaration version's schedules are written; the highest is in
    force."""
