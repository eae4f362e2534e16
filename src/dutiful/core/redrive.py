"""Which jobs may be sent back, and what a redrive writes into them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from .job import Job
from .replacement import MARK, Changed, Work, edited, marked
from .state import State
from .unique import holds

COUNT, ORIGIN = "redriven", "redriven_from"
_DIGITS_MAX = 9


def takes_key(key: str | None, states: int) -> bool:
    """Whether a job holds its unique key once it is sent back; then no other job may hold it."""
    return key is not None and holds(states, State.QUEUED)


def redrive(job: Job, args: bytes | None, now: int, *, keep_steps: bool = False) -> Changed:
    """Return a dead or cancelled job as it is sent back, with other arguments where given."""
    old = Work(job.task, job.args)
    mark, drops_steps = edited(old, args, job.meta.get(MARK), keep_steps=keep_steps)
    after = replace(
        job,
        state=State.QUEUED,
        args=job.args if args is None else args,
        attempt=0,
        crashes=0,
        run_at=now,
        redriven_at=now,
        finished_at=None,
        expires_at=None,
        reason=None,
        parked_at=None,
        cancel_requested=False,
        meta=marked(counted(job.meta, job.reason), mark),
        steps=0 if drops_steps else job.steps,
    )
    return Changed(after, drops_steps)


def counted(meta: Mapping[str, str], reason: str | None) -> dict[str, str]:
    """Count the redrive and keep the reason of death; an invalid count begins again at 1."""
    before = meta.get(COUNT, "")
    counts = before.isascii() and before.isdecimal() and len(before) <= _DIGITS_MAX
    count = int(before) + 1 if counts else 1
    return {**meta, COUNT: str(count), ORIGIN: reason or ""}
