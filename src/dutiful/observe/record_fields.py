"""The fields of an event in its log record."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from dutiful.core import event as e
from dutiful.core.instant import iso
from dutiful.core.job import AttemptError, Job
from dutiful.core.settle import Settlement
from dutiful.core.trace_context import trace_id

_IDS_MAX = 100
_NAMES = {"job_id": "job", "job_ids": "jobs"}
"""One name for a job's id in all lines."""
RESERVED = frozenset(
    {*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName", "event_name"}
)
"""The attributes of a log record that are not fields."""


def fields_of(event: e.Event) -> dict[str, Any]:
    """Return an event's fields by their names in the log; arguments and results are not in them."""
    if isinstance(event, e.JobDied):
        return {**_of_job(event.job, event.error), "reason": event.reason}
    found: dict[str, Any] = {}
    for name in event.__struct_fields__:
        if name == "text":  # the whole message, which each form of a line has already
            continue
        value: Any = getattr(event, name)
        if name == "planned":
            value = iso(value)
        elif type(value) is tuple:
            value = [*value[:_IDS_MAX]]
        found[_NAMES.get(name, name)] = value
    return found


def fields_of_settlement(item: Settlement) -> dict[str, Any]:
    """Return what the log says of the end of an attempt."""
    fields = {**_of_job(item.claim.job, item.error), "state": item.state.word}
    return fields if item.reason is None else {**fields, "reason": item.reason}


def extras_of(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields that a record carries beside the attributes of every record."""
    return {
        name: value
        for name, value in vars(record).items()
        if name not in RESERVED and not name.startswith("_")
    }


def plain(value: Any) -> Any:
    """Return a value that JSON cannot hold as text, whatever its own code does."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a field of the user's must not cost the line
        return f"(a {type(value).__qualname__} that cannot be read)"


def _of_job(job: Job, error: AttemptError | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "job": job.id,
        "task": job.task,
        "queue": job.queue,
        "attempt": job.attempt,
    }
    if job.worker is not None:
        found["worker"] = job.worker
    if (trace := trace_id(job.meta)) is not None:
        found["trace_id"] = trace
    if error is not None:
        found |= {"error_type": error.type, "error": error.message}
    return found


ENCODER = msgspec.json.Encoder(enc_hook=plain, decimal_format="string")
