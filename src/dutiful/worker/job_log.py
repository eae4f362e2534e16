"""What a log line says of the job in which it is written."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from dutiful.client.context import CURRENT
from dutiful.core.job import Job
from dutiful.core.redaction import MARKS, secrets_of
from dutiful.core.secret_texts import NO_SECRETS, Secrets

_TRACE = "traceparent"
"""The entry of a job's meta that carries the trace of its enqueue (W3C)."""


class JobFields(logging.Filter):
    """Adds the fields of the running job to log records, for handlers of your own.

    A filter for ``logging``: ``handler.addFilter(JobFields())``, or ``{"()": "dutiful.JobFields"}``
    in a dictConfig. A record that a task writes, in the loop, a thread or a child process, then has
    the attributes ``job``, ``task``, ``queue``, ``attempt``, ``worker`` and, for a traced job,
    ``trace_id``; those that it has already are kept. `dutiful worker` adds them to its own lines.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields, and let every record pass."""
        for name, value in fields()[0].items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


def fields() -> tuple[Mapping[str, Any], Secrets]:
    """Return the fields of the job that runs here, and its sensitive values; none outside."""
    context = CURRENT.get()
    if context is None:
        return {}, NO_SECRETS
    job = context.job
    hidden = secrets_of(job.args, job.meta) if MARKS in job.meta else NO_SECRETS
    return fields_of(job), hidden


def fields_of(job: Job) -> dict[str, Any]:
    """Return what log lines say of a job."""
    found: dict[str, Any] = {
        "job": job.id,
        "task": job.task,
        "queue": job.queue,
        "attempt": job.attempt,
    }
    if job.worker is not None:
        found["worker"] = job.worker
    if (trace := _trace_id(job.meta.get(_TRACE, ""))) is not None:
        found["trace_id"] = trace
    return found


def _trace_id(traceparent: str) -> str | None:
    """Read the trace's id from a W3C traceparent; None where there is none."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) >= 4 and len(parts[1]) == 32 else None
