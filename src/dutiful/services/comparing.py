"""Looks whether a copy holds what its source does: by counts, or job by job."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from dutiful.contract.moving import Record
from dutiful.core.job import AttemptError
from dutiful.core.state import State

from .copier import Copier, Poured, Survey

_pack = msgspec.msgpack.encode


class Line(NamedTuple):
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


def lines(poured: Poured, source: Survey, target: Survey) -> tuple[Line, ...]:
    """Lay the counts side by side, by queue and state."""
    keys = sorted(poured.counts.keys() | source.counts.keys())
    sides = (source.counts, target.counts, poured.counts, poured.there)
    return tuple(Line(*key, *(side[key] for side in sides)) for key in keys)


def changed(found: Sequence[Line]) -> int:
    """Count by how many jobs the source differs from what was met there."""
    return sum(abs(line.source - line.met) for line in found)


def missing(found: Sequence[Line], pruned: int) -> int:
    """Count what the target should hold and does not, but for ended jobs that it has pruned."""
    live, ended = Counter[str](), 0
    for line in found:
        if line.state.final:
            ended += max(line.there - line.target, 0)
        else:  # together, for a scheduled job becomes a queued one by itself
            live[line.queue] += line.there - line.target
    return sum(max(short, 0) for short in live.values()) + max(ended - pruned, 0)


async def read_back(copier: Copier, refused: frozenset[str]) -> Reading:
    """Read every job of the source again and find it in the target, the same in every part."""
    digest, jobs, differing = hashlib.sha256(), 0, list[str]()
    async for records in copier.pages():
        wanted = [_comparable(record) for record in records if record.job.id not in refused]
        found = {
            record.job.id: _comparable(record)
            for record in await copier.target.fetch([record.job.id for record in wanted])
        }
        for record in wanted:
            digest.update(_pack(record))
            if not _alike(record, found.get(record.job.id)):
                differing.append(record.job.id)
        jobs += len(wanted)
        copier.advance(len(records))
    return Reading(jobs, digest.hexdigest(), tuple(differing))


def _alike(record: Record, found: Record | None) -> bool:
    """Whether the target holds the same job; its time may have come there meanwhile."""
    if found is None or found == record:
        return found is not None
    if found.job.state is not State.QUEUED or record.job.state.final:
        return False
    return replace(found, job=replace(found.job, state=record.job.state)) == record


def _comparable(record: Record) -> Record:
    """Write errors as every engine can store them: some texts hold no NUL or lone surrogate."""
    errors = tuple([_storable(error) for error in record.errors])
    return replace(record, errors=errors)


def _storable(error: AttemptError) -> AttemptError:
    fields = {"worker": error.worker, "type": error.type, "message": error.message}
    fields["traceback"] = error.traceback
    if all(text.isprintable() for text in fields.values()):
        return error
    return replace(error, **{name: _plain(text) for name, text in fields.items()})


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
