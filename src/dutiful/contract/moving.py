"""The role of being read out and filled, for moving between engines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from dutiful.core.job import AttemptError, Job


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


class Refusal(msgspec.Struct, frozen=True):
    """A record that a store could not take, and why."""

    id: str
    why: str


class Filled(msgspec.Struct, frozen=True):
    """What became of the records of one call; the rest were there already."""

    stored: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()


@runtime_checkable
class Mover(Protocol):
    """Reading a store out, filling another, and keeping both from running the same job.

    A queue that is *shut* is paused by a copy rather than by a person: it gives out no claims,
    and `reopen` opens it again where it would leave a paused one alone.
    """

    async def dump(self, limit: int, cursor: str | None = None) -> Dumped:
        """Page through all jobs, running and ended ones included, in the order of enqueueing.

        Jobs that stay are met exactly once, whatever is added or dropped meanwhile.
        """
        ...

    async def fetch(self, ids: Sequence[str]) -> tuple[Record, ...]:
        """Return the records of those jobs that exist, by their whole ids, in that order."""
        ...

    async def fill(self, records: Sequence[Record]) -> Filled:
        """Store records as they are: ids, states, instants, attempts and fences kept.

        A job whose id is stored already is left alone; one whose unique key another job holds
        here, or whose text the store cannot hold, is refused. Those stored count as enqueued.
        Atomicity: each record. Durable when it returns. On lost reply: fill again.
        """
        ...

    async def drop(self, jobs: Sequence[Job]) -> tuple[str, ...]:
        """Delete jobs with all that belongs to them, and return the ids of those deleted.

        A job that is no longer exactly as given is left alone. Those deleted count as purged.
        Atomicity: each job. On lost reply: drop again; ids that are gone are not named twice.
        """
        ...

    async def shut(self, queues: Sequence[str]) -> None:
        """Stop claims from queues until `reopen`; one that is paused already is not shut."""
        ...

    async def reopen(self, queues: Sequence[str]) -> tuple[str, ...]:
        """Open those of the queues that are shut, wake workers, and return their names."""
        ...

    async def shut_queues(self) -> tuple[str, ...]:
        """Name the queues that are shut; they count as paused as well."""
        ...
