"""What belongs to a job's arguments and not to its id: recorded steps and the idempotency key.

A job keeps its id when a later enqueue of its unique key replaces its arguments, or when it is
redriven with other arguments. What earlier attempts did was done for the old arguments.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec.structs import replace

from .job import Job

MARK = "args_digest"
"""The entry of a job's meta that changes its idempotency key, once its arguments were changed."""


class Work(NamedTuple):
    """What a job runs, as stored; other programs may have written anything there."""

    task: Any
    args: Any


class Change(NamedTuple):
    """What a change of a job's arguments means for its key and its steps."""

    mark: str | None
    drops_steps: bool


class Changed(NamedTuple):
    """A job once its arguments may have changed, and what becomes of its recorded steps."""

    job: Job
    drops_steps: bool


def idempotency_key(job_id: str, meta: Mapping[str, str]) -> str:
    """Return the key of a job for other systems.

    >>> idempotency_key("7f", {}), idempotency_key("7f", {"args_digest": "c0ffee"})
    ('7f', '7f:c0ffee')
    """
    mark = meta.get(MARK)
    return job_id if mark is None else f"{job_id}:{mark}"


def changed(old: Work, new: Work, mark: str | None) -> Change:
    """Decide what a replacement means; ``mark`` is the one in the job's meta so far.

    For the same arguments of the same task everything is kept.
    """
    before, now = _digest(old), _digest(new)
    return Change(mark, drops_steps=False) if now == before else Change(now, drops_steps=True)


def edited(old: Work, args: bytes | None, mark: str | None, *, keep_steps: bool = False) -> Change:
    """Decide the same for a redrive, which may change the arguments.

    With ``keep_steps``, what was done for the old arguments counts for the new ones.
    """
    if args is None or keep_steps:
        return Change(mark, drops_steps=False)
    return changed(old, Work(old.task, args), mark)


def replaced(holder: Job, new: Job) -> Changed:
    """Return the job that holds a unique key once it has been given the work of a new one.

    It keeps its id, its history and its key; all that was asked for is the new job's.
    """
    work = Work(new.task, new.args)
    mark, drops_steps = changed(Work(holder.task, holder.args), work, holder.meta.get(MARK))
    after = replace(
        holder,
        task=new.task,
        queue=new.queue,
        state=new.state,
        priority=new.priority,
        args=new.args,
        max_attempts=new.max_attempts,
        run_at=new.run_at,
        expires_at=new.expires_at,
        reason=None,
        parked_at=None,
        tags=new.tags,
        meta=marked(new.meta, mark),
        steps=0 if drops_steps else holder.steps,
    )
    return Changed(after, drops_steps)


def marked(meta: Mapping[str, str], mark: str | None) -> dict[str, str]:
    """Return a meta with this mark and no other."""
    kept = {name: text for name, text in meta.items() if name != MARK}
    return kept if mark is None else {**kept, MARK: mark}


def _digest(work: Work) -> str:
    text = f"{work.task}\x1f".encode("utf-8", "backslashreplace") + _canonical(work.args)
    return hashlib.sha256(text).hexdigest()[:16]


def _canonical(args: Any) -> bytes:
    """Write arguments so that the order of their names makes no difference."""
    try:
        return json.dumps(json.loads(args), sort_keys=True).encode("utf-8", "backslashreplace")
    except (TypeError, ValueError, RecursionError):  # not JSON, so no worker can run it
        return repr(args).encode("utf-8", "backslashreplace")
