"""What a batch of settlements has in common when all jobs of it are of one task and succeeded.

Most batches under load are of this kind. Several listeners count them, so the batch is read once
for all of them, by code in C.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from weakref import ref

import msgspec

from .event import Settled
from .settle import Settlement
from .state import State

_kind = attrgetter("state", "claim.job.task", "claim.job.queue")
_times = attrgetter("at", "claim.job.started_at")


class Successes(msgspec.Struct, frozen=True):
    """Jobs of one task in one queue that succeeded together."""

    task: str
    queue: str
    count: int
    runs: int
    """How many of them took a time that can be read: above zero."""
    run_sum: int
    """Microseconds from claim to end, of all of them."""
    run_max: int


_last: tuple[ref[Settled], Successes | None] | None = None
"""The answer for the last event; replaced as a whole, since any thread may ask."""


def successes(event: Settled) -> Successes | None:
    """Describe the settlements of an event; None when they are not all successes of one task."""
    global _last
    if _last is not None and _last[0]() is event:
        return _last[1]
    found = _found(event.settlements)
    _last = ref(event), found
    return found


def _found(settlements: Sequence[Settlement]) -> Successes | None:
    kinds = set(map(_kind, settlements))
    if len(kinds) != 1:
        return None
    ((state, task, queue),) = kinds
    if state is not State.SUCCEEDED:
        return None
    try:
        took = [at - started for at, started in map(_times, settlements)]
    except TypeError:  # an engine that does not know when it gave a job out
        return None
    if min(took) <= 0:  # a clock was set back, or does not tick so fast
        took = [one for one in took if one > 0]
    return Successes(task, queue, len(settlements), len(took), sum(took), max(took, default=0))
