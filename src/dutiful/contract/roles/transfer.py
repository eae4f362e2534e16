"""The roles of being read out and of being filled, for a copy from one store to another."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from typing import Literal, Protocol

import msgspec
from msgspec.structs import replace

from dutiful.core.job import AttemptError, Job
from dutiful.core.occurrence import Recorded, Standing

SHUT = 0
"""``paused_at`` of a schedule that a copy holds until the other store has let go of it."""


class Record(msgspec.Struct, frozen=True):
    """A job with everything that belongs to it."""

    job: Job
    errors: tuple[AttemptError, ...] = ()
    """Oldest first."""
    steps: dict[str, bytes] = {}


class Dumped(msgspec.Struct, frozen=True):
    """A page of records, oldest first; ``cursor`` asks for the next, None means that none is."""

    records: tuple[Record, ...]
    cursor: str | None = None


Fault = Literal["key", "value", "other", "unreadable"]
"""A unique key that is held, a value that cannot be stored, another record of that id, one that
cannot be read."""


class Refusal(msgspec.Struct, frozen=True):
    """A record, a queue or a schedule that a store could not take, and why."""

    id: str
    """Of a queue or a schedule its name."""
    why: str
    fault: Fault = "value"


def key_held(job: Job, who: str) -> Refusal:
    """Say that ``who`` holds the unique key of a job, which is therefore not stored."""
    return Refusal(job.id, f"{who} holds its unique key {job.unique_key!r}", "key")


class FillResult(msgspec.Struct, frozen=True):
    """What became of the records of one call; the rest were there already."""

    stored: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


class ScheduleHistory(msgspec.Struct, frozen=True):
    """A schedule with the occurrences that are kept of it."""

    standing: Standing
    occurrences: tuple[Recorded, ...] = ()
    """Earliest planned first."""


class HistoryPage(msgspec.Struct, frozen=True):
    """A page of schedules by name; ``cursor`` asks for the next, None means that none is."""

    histories: tuple[ScheduleHistory, ...]
    cursor: str | None = None


def held_shut(standing: Standing) -> Standing:
    """Return where a schedule stands as it is filled in: one that could fire is held."""
    idle = standing.paused_at is not None or standing.retired_at is not None
    return standing if idle else replace(standing, paused_at=SHUT)


def fillable(
    histories: Sequence[ScheduleHistory], known: Container[str], ours: Container[str]
) -> list[ScheduleHistory]:
    """Return those that may be stored: new names, and what an earlier copy from there has shut.

    ``known`` are the names that the store has, and ``ours`` those of them that it holds shut for
    the store at the other end.
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
    """Whether an occurrence's job has still to end."""
    return one.job_id is not None and one.state is not None and not one.state.final


def without_state(one: Recorded) -> Recorded:
    """Return an occurrence as it is filled in: until its job ends the job alone knows its state."""
    return replace(one, state=None, finished_at=None) if still_open(one) else one


class Transfer(Protocol):
    """Keeping two stores from running the same job while one is copied to the other.

    A queue that is *shut* is paused by a copy rather than by a person: it gives out no claims,
    and `reopen` opens it again where it would leave a paused one alone. It is shut for the store
    at the other end of the copy, named by its `identity`, or for several.
    """

    async def identity(self) -> str:
        """Return the id that this store was given when it was made, and no other store has."""
        ...

    async def fetch(self, ids: Sequence[str]) -> tuple[Record, ...]:
        """Return the records of those jobs that exist, by their whole ids, in that order."""
        ...

    async def drop(self, jobs: Sequence[Job]) -> tuple[str, ...]:
        """Delete jobs with all that belongs to them, and return the ids of those deleted.

        A job that is no longer exactly as given is left alone. Those deleted count as purged.
        Atomicity: each job. On lost reply: drop again; ids that are gone are not named twice.
        """
        ...

    async def shut(self, queues: Sequence[str], other: str) -> tuple[Refusal, ...]:
        """Stop claims from queues until `reopen`; one that a person has paused is not shut.

        Those whose names the store cannot hold are refused, each alone.
        """
        ...

    async def reopen(self, queues: Sequence[str], other: str) -> tuple[str, ...]:
        """Open those of the queues that are shut for no other store, and return their names.

        The rest stay shut for the others. Wakes workers. On lost reply: again.
        """
        ...

    async def shut_queues(self, other: str | None = None) -> tuple[str, ...]:
        """Name the queues that are shut, for one store or for any; they count as paused as well."""
        ...


class Exporter(Transfer, Protocol):
    """Being read out."""

    async def dump(self, limit: int, cursor: str | None = None) -> Dumped:
        """Page through all jobs, running and ended ones included, oldest first as in `find`.

        Jobs that stay are met exactly once, whatever is added or dropped meanwhile.
        """
        ...

    async def fence_floor(self) -> int:
        """Return the highest fence of all deleted jobs: every new claim's lies above it."""
        ...

    async def dump_schedules(self, limit: int, cursor: str | None = None) -> HistoryPage:
        """Page through all schedules by name, paused and retired ones included."""
        ...


class Importer(Transfer, Protocol):
    """Being filled."""

    def storable(self, text: str) -> str:
        """Return how the store, which is open, keeps a text of an error that may hold anything."""
        ...

    async def fill(self, records: Sequence[Record]) -> FillResult:
        """Store records as they are: ids, states, instants, attempts and fences kept.

        A job whose id is stored already is left alone; one whose unique key another job holds
        here, or whose text the store cannot hold, is refused. Those stored count as enqueued.
        Atomicity: each record. Durable when it returns. On lost reply: fill again.
        """
        ...

    async def raise_fence_floor(self, floor: int) -> None:
        """Let fences of new claims be above ``floor``, at least. On lost reply: again."""
        ...

    async def fill_schedules(self, histories: Sequence[ScheduleHistory], other: str) -> FillResult:
        """Store schedules with their occurrences, the texts of errors as by `storable`.

        One that could fire is *shut* for the other store: paused by the copy until
        `reopen_schedules`. An existing name is left alone, unless it is shut for that store, and
        so has come by an earlier copy. One that the store cannot hold is refused.
        Atomicity: each schedule. On lost reply: fill again.
        """
        ...

    async def reopen_schedules(self, names: Sequence[str], other: str) -> tuple[str, ...]:
        """Let those of the schedules fire again that are shut for that store; return their names.

        What was planned since they were dumped is due. Atomicity: each. On lost reply: again.
        """
        ...
