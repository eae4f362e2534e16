"""The roles of exporting and of importing, for a copy from one store to another."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace

from dutiful.core.job import AttemptError, Job
from dutiful.core.occurrence import Recorded, Standing
from dutiful.core.task_log import LogLine

SHUT = 0
"""``paused_at`` of a schedule that a copy holds until the other store no longer fires it."""


class Record(msgspec.Struct, frozen=True):
    """A job with everything that belongs to it."""

    job: Job
    errors: tuple[AttemptError, ...] = ()
    """Oldest first."""
    steps: dict[str, bytes] = {}
    log: tuple[LogLine, ...] = ()
    """What its attempts logged; a store that does not declare LOGS drops it."""


class Dumped(msgspec.Struct, frozen=True):
    """A page of records, oldest first; ``cursor`` asks for the next page, None if there is none."""

    records: tuple[Record, ...]
    cursor: str | None = None


Fault = Literal["key", "value", "other", "unreadable"]
"""A unique key that is held, a value that cannot be stored, another record of that id, one that
cannot be read."""


class Refusal(msgspec.Struct, frozen=True):
    """A record, a queue or a schedule that a store could not take, and why."""

    id: str
    """The job's id, or the name of the queue or schedule."""
    why: str
    fault: Fault = "value"


def key_held(job: Job, who: str) -> Refusal:
    """Say that ``who`` holds the unique key of a job, which is therefore not stored."""
    return Refusal(job.id, f"{who} holds its unique key {job.unique_key!r}", "key")


class FillResult(msgspec.Struct, frozen=True):
    """The result for the records of one call; those not named were stored already."""

    stored: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


class ScheduleHistory(msgspec.Struct, frozen=True):
    """A schedule with the occurrences that are kept of it."""

    standing: Standing
    occurrences: tuple[Recorded, ...] = ()
    """Earliest planned first."""


class HistoryPage(msgspec.Struct, frozen=True):
    """A page of schedules by name; ``cursor`` asks for the next page, None if there is none."""

    histories: tuple[ScheduleHistory, ...]
    cursor: str | None = None


def held_shut(standing: Standing) -> Standing:
    """Return the state of a schedule to import: one that could fire is held."""
    idle = standing.paused_at is not None or standing.retired_at is not None
    return standing if idle else replace(standing, paused_at=SHUT)


def fillable(
    histories: Sequence[ScheduleHistory], known: Container[str], ours: Container[str]
) -> list[ScheduleHistory]:
    """Return the schedules that may be stored: new names, and those shut by an earlier copy.

    ``known`` are the names that the store has, and ``ours`` those of them that are shut for the
    store at the other end of the copy.
    """
    names = ((history, history.standing.name) for history in histories)
    return [history for history, name in names if name not in known or name in ours]


def storable(history: ScheduleHistory, write: Callable[[str], str]) -> ScheduleHistory:
    """Return a schedule with the texts of its errors as `Importer.storable` writes them."""
    standing = history.standing
    if standing.broken is not None:
        standing = replace(standing, broken=write(standing.broken))
    kept = [
        one if one.why is None else replace(one, why=write(one.why)) for one in history.occurrences
    ]
    return ScheduleHistory(standing, tuple(kept))


def still_open(one: Recorded) -> bool:
    """Whether an occurrence's job has not ended yet."""
    return one.job_id is not None and one.state is not None and not one.state.final


def without_state(one: Recorded) -> Recorded:
    """Return an occurrence to import; until its job ends, only the job's row holds its state."""
    return replace(one, state=None, finished_at=None) if still_open(one) else one


class Transfer(Protocol):
    """Prevents two stores from running the same job while one is copied to the other.

    A queue that is *shut* is paused by a copy, not by an operator: no job of it is claimed, and
    `reopen` opens it again, while it leaves a paused queue as it is. A queue is shut for the store
    at the other end of the copy, named by its `identity`, or for several stores.
    """

    async def identity(self) -> str:
        """Return the unique id that this store was given when it was created."""
        ...

    async def fetch(self, ids: Sequence[str]) -> tuple[Record, ...]:
        """Return the records of those jobs that exist, by their whole ids, in that order."""
        ...

    async def drop(self, jobs: Sequence[Job]) -> tuple[str, ...]:
        """Delete jobs with their errors and steps, and return the ids of those deleted.

        A job that is no longer exactly as given is left as it is. Deleted jobs count as purged.
        Atomicity: each job. On lost reply: drop again; jobs that are gone are not returned again.
        """
        ...

    async def shut(self, queues: Sequence[str], other: str) -> tuple[Refusal, ...]:
        """Stop claims from queues until `reopen`; a queue that is paused by hand is not shut.

        A queue whose name the store cannot hold is refused; this does not affect the others.
        """
        ...

    async def reopen(self, queues: Sequence[str], other: str) -> tuple[str, ...]:
        """Open those of the queues that are shut for no other store, and return their names.

        Queues that are shut for other stores stay shut. Wakes workers. On lost reply: call again.
        """
        ...

    async def shut_queues(self, other: str | None = None) -> tuple[str, ...]:
        """Return the queues that are shut, for one store or for any; they also count as paused."""
        ...


class Exporter(Transfer, Protocol):
    """Exports the content of a store."""

    async def dump(self, limit: int, cursor: str | None = None) -> Dumped:
        """Page through all jobs, running and ended ones included, oldest first as in `find`.

        A job that stays in the store is returned exactly once, even if others are added or deleted.
        """
        ...

    async def fence_floor(self) -> int:
        """Return the highest fence of all deleted jobs: the fence of each new claim is higher."""
        ...

    async def dump_schedules(self, limit: int, cursor: str | None = None) -> HistoryPage:
        """Page through all schedules by name, paused and retired ones included."""
        ...


class Importer(Transfer, Protocol):
    """Imports the content of another store."""

    def storable(self, text: str) -> str:
        """Return an error's text, which may hold any characters, as the open store keeps it."""
        ...

    async def fill(self, records: Sequence[Record]) -> FillResult:
        """Store records as they are: ids, states, instants, attempts and fences kept.

        A job whose id is stored already is left as it is. A job is refused if another job in this
        store holds its unique key, or if the store cannot hold its text. Stored jobs count as
        enqueued.
        Atomicity: each record. Durable when it returns. On lost reply: fill again.
        """
        ...

    async def raise_fence_floor(self, floor: int) -> None:
        """Make the fences of new claims higher than ``floor``. On lost reply: call again."""
        ...

    async def fill_schedules(self, histories: Sequence[ScheduleHistory], other: str) -> FillResult:
        """Store schedules with their occurrences; texts of errors are written as by `storable`.

        A schedule that could fire is *shut* for the other store: paused by the copy until
        `reopen_schedules`. A schedule whose name exists is left as it is, unless it is shut for
        that store, because then it came with an earlier copy. A schedule that the store cannot
        hold is refused. Atomicity: each schedule. On lost reply: fill again.
        """
        ...

    async def reopen_schedules(self, names: Sequence[str], other: str) -> tuple[str, ...]:
        """Let the schedules that are shut for that store fire again, and return their names.

        Instants that were planned since the export are due. Atomicity: each schedule. On lost
        reply: call again.
        """
        ...
