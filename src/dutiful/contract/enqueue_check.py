"""Refuses, before any I/O, what an engine cannot store, and sends long batches in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import time_ns

from dutiful.core.errors import (
    BadOption,
    DutifulError,
    PartlyEnqueued,
    PayloadTooLarge,
    ReplyUnknown,
    Unsupported,
)
from dutiful.core.instant import spell
from dutiful.core.job import NewJob

from .capability import ADVICE, Capability
from .engine import UNBOUNDED, Bounds, Engine
from .roles.producer import Receipt

FOR_JOBS = frozenset({Capability.UNIQUE, Capability.PRIORITY, Capability.DELAY, Capability.EXPIRY})
"""What the options of a job may need."""
FOR_BATCHES = FOR_JOBS | {Capability.ATOMIC_BATCH}
"""What makes a batch of any jobs one call, which stores all of them or none."""


def takes_all(engine: Engine) -> bool:
    """Whether one call stores any number of any jobs, or none of them."""
    return engine.bounds is UNBOUNDED and engine.capabilities >= FOR_BATCHES


def refuse_unfit(engine: Engine, jobs: Sequence[NewJob]) -> None:
    """Raise for the first job that needs what the engine lacks, or that is above a bound.

    Raises Unsupported, BadOption or PayloadTooLarge. A ``run_at`` is measured by this host's clock.
    """
    if takes_all(engine):
        return
    declared, bounds = engine.capabilities, engine.bounds
    for job in jobs:
        for needed in _needs(job):
            if needed not in declared:
                raise Unsupported(engine.name, needed.value, ADVICE.get(needed, ""))
        if bounds is not UNBOUNDED:
            _refuse_above(engine.name, bounds, job)


def _needs(job: NewJob) -> Iterator[Capability]:
    if job.unique is not None:
        yield Capability.UNIQUE
    if job.priority:
        yield Capability.PRIORITY
    if job.delay or job.run_at is not None:
        yield Capability.DELAY
    if job.expires_in is not None:
        yield Capability.EXPIRY


def _refuse_above(engine: str, bounds: Bounds, job: NewJob) -> None:
    if bounds.payload is not None and len(job.args) > bounds.payload:
        raise PayloadTooLarge(
            f"the arguments of {job.task} take {len(job.args):,} bytes, and the {engine} engine "
            f"takes {bounds.payload:,}; store the data elsewhere and pass its key"
        )
    if bounds.delay is not None and (delay := _delay(job)) > bounds.delay:
        raise BadOption(
            f"{job.task} is to run in {spell(delay)}, and the {engine} engine delays a job by "
            f"{spell(bounds.delay)} at most; enqueue it later, or let it snooze until it is due"
        )
    kept = bounds.retention
    if kept is not None and job.expires_in is not None and job.expires_in > kept:
        raise BadOption(
            f"{job.task} is to expire after {spell(job.expires_in)}, and the {engine} engine "
            f"deletes a job that no worker starts after {spell(kept)}; use at most that"
        )


def _delay(job: NewJob) -> int:
    return job.delay if job.run_at is None else job.run_at - time_ns() // 1000


class Parts:
    """One batch that is sent in parts, because the engine takes few jobs in a call.

    Iterate over it, and report to it what became of each part; the iteration ends early when the
    store fails. Then `receipts` returns, or raises what the caller must know.
    """

    def __init__(self, jobs: Sequence[NewJob], most: int) -> None:
        """Cut the batch into parts of ``most`` jobs."""
        self._jobs = jobs
        self._most = most
        self._stored: dict[str, Receipt] = {}
        """By the ids of the batch, which are not those of the receipts where a key was held."""
        self._failed: dict[str, str] = {}
        self._sent = 0
        self._end: Exception | None = None
        """What ended the iteration."""

    def __iter__(self) -> Iterator[Sequence[NewJob]]:
        """Yield the parts."""
        while self._sent < len(self._jobs) and self._end is None:
            part = self._jobs[self._sent : self._sent + self._most]
            self._sent += len(part)
            yield part

    def stored(self, part: Sequence[NewJob], receipts: Sequence[Receipt]) -> None:
        """Note that a part was stored."""
        self._stored |= {job.id: one for job, one in zip(part, receipts, strict=True)}

    def failed(self, part: Sequence[NewJob], error: Exception) -> None:
        """Note that a part was not stored completely; the iteration goes on if that can succeed."""
        if isinstance(error, PartlyEnqueued):
            self._stored |= error.receipts
            self._failed |= error.failed
            return
        self._end = error
        rest = self._jobs[self._sent :]
        if not _may_have_stored(error):
            rest = [*part, *rest]
        self._failed |= {job.id: str(error) or type(error).__name__ for job in rest}

    def receipts(self) -> tuple[Receipt, ...]:
        """Return the receipts of all jobs.

        Raises what ended the iteration where nothing was stored before it; else PartlyEnqueued, or,
        when a part may have been stored, ReplyUnknown with PartlyEnqueued about the others as its
        cause.
        """
        end = self._end
        if end is None and not self._failed:
            return tuple([self._stored[job.id] for job in self._jobs])
        if end is not None and _may_have_stored(end):
            if not (self._stored or self._failed):
                raise end
            known = self._stored.keys() | self._failed
            unknown = sum(job.id not in known for job in self._jobs)
            partly = self._partly()
            partly.__cause__ = end
            raise ReplyUnknown(
                f"{end}; of {len(self._jobs)} jobs {unknown} may have been stored, "
                f"{len(self._stored)} were stored and {len(self._failed)} were not"
            ) from partly
        if end is not None and not self._stored:
            raise end
        raise self._partly() from end

    def _partly(self) -> PartlyEnqueued:
        return PartlyEnqueued(tuple(self._stored), self._failed, self._stored)


def _may_have_stored(error: Exception) -> bool:
    """Whether a call that raised this may have stored jobs: an error of ours says when it has."""
    return isinstance(error, ReplyUnknown) or not isinstance(error, DutifulError)
