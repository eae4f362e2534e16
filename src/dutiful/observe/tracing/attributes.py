"""Names and attributes of spans: those of the conventions for messaging, bounded and printable.

Arguments, results and other entries of meta are never among them.
"""

from __future__ import annotations

from functools import lru_cache

from dutiful.core.job import Job, NewJob
from dutiful.core.redaction import MARKS, secrets_of
from dutiful.core.text import visible

Attributes = dict[str, str | int | bool]

_NAME_MAX = 200
_TEXT_MAX = 1_000


@lru_cache(1024)
def name(raw: str) -> str:
    """Return a name as a span may have it: an exporter could not write half of a character."""
    return visible(raw[:_NAME_MAX])[:_NAME_MAX]


def text(raw: str) -> str:
    """Do the same for the text of an error."""
    return visible(raw[:_TEXT_MAX])[:_TEXT_MAX]


def operation(word: str) -> Attributes:
    """Return what every span has."""
    return {
        "messaging.system": "dutiful",
        "messaging.operation.name": word,
        "messaging.operation.type": word,
    }


def of_new(job: NewJob, word: str) -> Attributes:
    """Return what the span of a single job says of it, when it is enqueued."""
    found = operation(word)
    found["messaging.destination.name"] = name(job.queue)
    found["messaging.message.id"] = text(job.id)
    found["dutiful.task"] = name(job.task)
    return found


def of_attempt(job: Job, word: str) -> Attributes:
    """Return what the span of an attempt says of the job, as it was claimed."""
    found = operation(word)
    found["messaging.destination.name"] = name(job.queue)
    found["messaging.message.id"] = text(job.id)
    found["dutiful.task"] = name(job.task)
    found["dutiful.attempt"] = job.attempt
    found["dutiful.max_attempts"] = job.max_attempts
    if job.worker is not None:
        found["messaging.client.id"] = name(job.worker)
    if job.crashes:
        found["dutiful.crashes"] = job.crashes
    return found


def step_name(raw: str, job: Job) -> str:
    """Return the name of a step without the sensitive values of its job."""
    if MARKS in job.meta:
        raw = secrets_of(job.args, job.meta).hide(raw)
    return name(raw)
