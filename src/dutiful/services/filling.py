"""Fills one store with records of another; what is there already has to be the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from dutiful.contract.facade import Store
from dutiful.contract.roles.transfer import Record, Refusal
from dutiful.core.job import Job
from dutiful.core.state import State

from .likeness import alike, follows, one_job

_SHUT = "its queue could not be paused there: {}"


class Placed(NamedTuple):
    """What became of the records of one page."""

    there: tuple[Record, ...] = ()
    """Those that the target has now, just so."""
    stored: int = 0
    refused: tuple[Refusal, ...] = ()
    held: frozenset[str] = frozenset()
    """Queues in which the target holds other versions of jobs that could run."""


async def place(
    target: Store, records: Sequence[Record], shut: Collection[str], unfit: Mapping[str, str]
) -> Placed:
    """Store records in the target; running jobs are left out, which belong to their workers.

    A version of a job that waits there, in one of the queues that are ``shut``, gives way to what
    became of the job since. Of queues in ``unfit``, which cannot be, nothing is stored.
    """
    refused = [*_unreadable(records), *_unfit(records, unfit)]
    left_out = {refusal.id for refusal in refused}
    wanted = [
        record
        for record in records
        if record.job.state is not State.RUNNING and record.job.id not in left_out
    ]
    filled = await target.importer.fill(wanted)
    refused += filled.refused
    met = {*filled.stored, *(refusal.id for refusal in filled.refused)}
    met_again = await _settle(target, [one for one in wanted if one.job.id not in met], shut)
    refused += met_again.refused
    left_out = {refusal.id for refusal in refused}
    there = tuple([record for record in wanted if record.job.id not in left_out])
    stored = len(filled.stored) + met_again.stored
    return Placed(there, stored, tuple(refused), met_again.held)


async def _settle(target: Store, known: Sequence[Record], shut: Collection[str]) -> Placed:
    """Look at records whose ids the target has; put those in that went on in the source."""
    if not known:
        return Placed()
    found = {job.id: job for job in await target.inspector.get([one.job.id for one in known])}
    others = [
        record
        for record in known
        if (job := found.get(record.job.id)) is None or not alike(record.job, job)
    ]
    if not others:
        return Placed()
    gone = set(await target.importer.drop(await _outdated(target, others, shut)))
    again = await target.importer.fill([record for record in others if record.job.id in gone])
    left = [record.job for record in others if record.job.id not in gone]
    held = {
        there.queue
        for job in left
        if (there := found.get(job.id)) is not None
        and one_job(job, there)
        and not there.state.final
    }
    refused = (*again.refused, *[_refusal(job, found.get(job.id)) for job in left])
    return Placed((), len(again.stored), refused, frozenset(held))


async def _outdated(target: Store, others: Sequence[Record], shut: Collection[str]) -> list[Job]:
    """Choose jobs that wait in a paused queue of the target, and have changed in the source."""
    held = {one.job.id: one for one in await target.importer.fetch([one.job.id for one in others])}
    pairs = [(record, held[record.job.id]) for record in others if record.job.id in held]
    return [old.job for record, old in pairs if old.job.queue in shut and follows(record, old)]


def _refusal(job: Job, there: Job | None) -> Refusal:
    if there is None:
        why = "another of that id was deleted there at that moment"
    elif one_job(job, there):
        why = f"another version of it is there, {there.state.word}; this one is {job.state.word}"
    else:
        why = f"another job has that id there, of task {there.task!r}"
    return Refusal(job.id, why, "other")


def _unreadable(records: Sequence[Record]) -> list[Refusal]:
    return [
        Refusal(record.job.id, f"it cannot be read, in {record.job.unreadable}", "unreadable")
        for record in records
        if record.job.unreadable is not None
    ]


def _unfit(records: Sequence[Record], unfit: Mapping[str, str]) -> list[Refusal]:
    return [
        Refusal(job.id, _SHUT.format(unfit[job.queue]))
        for job in [record.job for record in records]
        if job.queue in unfit and job.unreadable is None and job.state is not State.RUNNING
    ]
