"""What a log line says of the job in which it is written."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from dutiful.client.context import CURRENT
from dutiful.core.job import Job
from dutiful.core.redaction import MARKS, secrets_of
from dutiful.core.secret_texts import NO_SECRETS, Secrets
from dutiful.core.trace_context import trace_id


class JobFields(logging.Filter):
    """Adds the fields of the running job to log records, for handlers of your own.

    A filter for ``logging``: ``handler.addFilter(JobFields())``, or ``{"()": "dutiful.JobFields"}``
    in a dictConfig. A record that a task writes, in the loop, a thread or a child process, then has
    the attributes ``job``, ``task``, ``queue``, ``attempt``, ``worker`` and, for a traced job,
    ``trace_id`` and ``span_id``; those that it has already are kept. `dutiful worker` adds them to
    its own lines.
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
    found = fields_of(job)
    if (tracer := context.tracer) is not None:
        found |= tracer.current()
    return found, hidden


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
    if (trace := trace_id(job.meta)) is not None:
        found["trace_id"] = trace
    return found
