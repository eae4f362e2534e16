"""Looks whether a copy holds what its source does: by counts, or job by job."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from dutiful.contract.capability import Capability
from dutiful.contract.roles.transfer import Record
from dutiful.core.job import AttemptError
from dutiful.core.state import State

from .copy_store import Poured, StoreCopy, Survey
from .likeness import alike

_pack = msgspec.msgpack.encode


class CountRow(NamedTuple):
    """One queue and state: how many jobs each side has, and how many should have arrived."""

    queue: str
    state: State
    source: int
    target: int
    met: int
    """How many were met as the source was read."""
    there: int
    """How many of them the target took or had."""


class Reading(NamedTuple):
    """What reading every job back gave."""

    jobs: int
    digest: str
    """SHA-256 of all that the source holds."""
    differing: tuple[str, ...]
    """Ids of jobs that the target lacks or holds otherwise."""


def lines(poured: Poured, source: Survey, target: Survey) -> tuple[CountRow, ...]:
    """Lay the counts side by side, by queue and state."""
    keys = sorted(poured.counts.keys() | source.counts.keys())
    sides = (source.counts, target.counts, poured.counts, poured.there)
    return tuple(CountRow(*key, *(side[key] for side in sides)) for key in keys)


def changed(found: Sequence[CountRow]) -> int:
    """Count by how many jobs the source differs from what was met there."""
    return sum(abs(line.source - line.met) for line in found)


def missing(found: Sequence[CountRow], pruned: int) -> int:
    """Count what the target should hold and does not, but for ended jobs that it has pruned."""
    live, ended = Counter[str](), 0
    for line in found:
        if line.state.final:
            ended += max(line.there - line.target, 0)
        else:  # together, for a scheduled job becomes a queued one by itself
            live[line.queue] += line.there - line.target
    return sum(max(short, 0) for short in live.values()) + max(ended - pruned, 0)


async def read_back(copy_of: StoreCopy, refused: frozenset[str]) -> Reading:
    """Read every job of the source again and find it in the target, the same in every part."""
    digest, jobs, differing = hashlib.sha256(), 0, list[str]()
    write, logs = copy_of.target.storable, copy_of.stores[1].can(Capability.LOGS)
    async for records in copy_of.pages():
        wanted = [_kept_as(record, write) for record in records if record.job.id not in refused]
        found = {
            record.job.id: record
            for record in await copy_of.target.fetch([record.job.id for record in wanted])
        }
        for record in wanted:
            digest.update(_pack(record))
            if not _alike(record, found.get(record.job.id), logs=logs):
                differing.append(record.job.id)
        jobs += len(wanted)
        copy_of.advance(len(records))
    return Reading(jobs, digest.hexdigest(), tuple(differing))


def _alike(record: Record, found: Record | None, *, logs: bool) -> bool:
    """Whether the target holds the same job; its time may have come there meanwhile.

    What its attempts logged is compared where the target can keep it.
    """
    if found is None or not alike(record.job, found.job):
        return False
    if logs and record.log != found.log:
        return False
    return (record.errors, record.steps) == (found.errors, found.steps)


def _kept_as(record: Record, write: Callable[[str], str]) -> Record:
    """Write errors as the target keeps them: some texts hold no NUL, others no letter of some."""
    errors = tuple([_written(error, write) for error in record.errors])
    return replace(record, errors=errors)


def _written(error: AttemptError, write: Callable[[str], str]) -> AttemptError:
    fields = {"worker": error.worker, "type": error.type, "message": error.message}
    fields["traceback"] = error.traceback
    return replace(error, **{name: write(text) for name, text in fields.items()})
