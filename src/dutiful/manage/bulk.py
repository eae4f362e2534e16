"""Changing many jobs in batches, so that neither a transaction nor this process grows with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypedDict, TypeVar

import msgspec

from dutiful.client.options import checked_flag, known
from dutiful.client.progress import checked_progress, tell
from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.core.errors import BadOption
from dutiful.core.job import Job
from dutiful.core.state import State

from .choice import (
    DeadFilters,
    Ids,
    JobFilters,
    choose_one_way,
    filter_of,
    id_list,
)
from .job_lookup import batches, each, pages
from .pace import Pace, checked_limit, checked_rate, checked_stop

T = TypeVar("T")


class BulkResult(msgspec.Struct, frozen=True, kw_only=True):
    """How far a call that changes many jobs has come."""

    matched: int = 0
    """How many jobs it has looked at."""
    changed: int = 0
    """How many it has changed; none with ``dry_run``."""
    steps_dropped: int = 0
    """How many redriven jobs lost recorded steps, which were done for their old arguments."""
    stopped: bool = False
    """Whether ``stop`` was set before all jobs were looked at."""

    @property
    def left(self) -> int:
        """How many jobs were not changed: all of them with ``dry_run``.

        Otherwise their state allows no such change, as when a job has ended meanwhile; or
        ``changes`` do not fit a job that died after all others had been checked.
        """
        return self.matched - self.changed


class Sweeping(TypedDict, total=False):
    """How a call goes through many jobs."""

    limit: int | None
    """At most so many jobs: the newest that match, or the first of the ids given; None is all."""
    rate: float | None
    """At most so many jobs a second, after a delay, too; None is as fast as the store allows."""
    dry_run: bool
    """Count the jobs, and change nothing."""
    progress: Callable[[BulkResult], object] | None
    """Called after each batch; no async function. What it raises ends the call; the batches before
    it stay done. Sync methods call it in their caller's thread, async ones on the loop."""


class ChosenJobs(JobFilters, Sweeping, total=False):
    """Which jobs to change, and how."""


class ChosenDead(DeadFilters, Sweeping, total=False):
    """Which dead letters to change, and how."""


class Done(NamedTuple):
    """What became of one batch."""

    changed: int
    steps_dropped: int = 0


Act = Callable[[Sequence[str]], Awaitable[Sequence[str]]]
"""Changes jobs by their ids and returns those that it changed."""
Change = Callable[[Sequence[Job]], Awaitable[Done]]
"""Changes jobs that were looked up."""


class Bulk:
    """One call that changes many jobs."""

    def __init__(
        self,
        call: str,
        states: tuple[State, ...],
        ids: Ids,
        given: Mapping[str, Any],
        *,
        everything: object,
        stop: asyncio.Event | None,
    ) -> None:
        """Check the options; ``call`` can change jobs of ``states``, so it looks for those."""
        known(given, ChosenJobs.__annotations__, f"{call}(...)")
        how = Sweeping.__annotations__
        filters = {name: given[name] for name in given if name not in how}
        choose_one_way(ids, filters, everything=everything, call=call)
        self._ids = id_list(ids)
        self._which = filter_of(filters, states)
        for state in self._which.states:
            if state not in states:
                words = ", ".join(one.word for one in states)
                raise BadOption(f"state: {call}() changes no {state.word} jobs, only {words}")
        self._limit = checked_limit(given.get("limit"))
        self._rate = checked_rate(given.get("rate"))
        self._dry_run = checked_flag(given.get("dry_run", False), "dry_run")
        self._progress = checked_progress(given.get("progress"), "one BulkResult")
        self._stop = checked_stop(stop)

    @property
    def needs(self) -> tuple[Capability, ...]:
        """What the engine must be able to do, for jobs that are chosen this way to be found."""
        return (Capability.INSPECT,) if self._ids is None else ()

    async def carry_out(self, store: Store, act: Act) -> BulkResult:
        """Change the jobs; where an engine cannot look jobs up, the ids that were given."""
        if self._ids is not None and not store.can(Capability.INSPECT):

            async def change_unseen(batch: Sequence[str]) -> Done:
                return Done(len(await act(batch)))

            return await self._go(batches(self._ids[: self._limit]), change_unseen)

        async def change(batch: Sequence[Job]) -> Done:
            return Done(len(await act([job.id for job in batch])))

        return await self.change_jobs(store, change)

    async def change_jobs(self, store: Store, change: Change) -> BulkResult:
        """Look the jobs up and change them."""
        return await self._go(self._jobs(store), change)

    async def check_jobs(self, store: Store, check: Callable[[Job], object]) -> None:
        """Look the jobs up and check each, until ``stop`` is set; raises what ``check`` raises."""
        async for batch in self._jobs(store):
            if self._stop is not None and self._stop.is_set():
                return
            for job in batch:
                check(job)

    async def _jobs(self, store: Store) -> AsyncIterator[Sequence[Job]]:
        if self._ids is None:
            async for page in pages(store.inspector, self._which, self._limit):
                yield page
        else:
            found = await each(store.inspector, self._ids)
            async for batch in batches(found[: self._limit]):
                yield batch

    async def _go(
        self,
        found: AsyncIterator[Sequence[T]],
        change: Callable[[Sequence[T]], Awaitable[Done]],
    ) -> BulkResult:
        pace = Pace(None if self._dry_run else self._rate, self._stop)
        result = BulkResult()
        async for part in found:
            size = pace.size or len(part)
            for start in range(0, len(part), size):
                if not await pace.goes_on(result.matched):
                    return msgspec.structs.replace(result, stopped=True)
                batch = part[start : start + size]
                done = Done(0) if self._dry_run else await change(batch)
                result = BulkResult(
                    matched=result.matched + len(batch),
                    changed=result.changed + done.changed,
                    steps_dropped=result.steps_dropped + done.steps_dropped,
                )
                if self._progress is not None:
                    await tell(partial(self._progress, result))
        return result


def without_stop(call: str, which: Mapping[str, Any]) -> None:
    """Refuse ``stop`` in a sync method, which cannot wait for an event of a loop."""
    if which.get("stop") is not None:
        raise BadOption(
            f"{call}() takes no stop; write `await ...a{call}(..., stop=event)`, or end the call "
            "by an error that progress raises"
        )
