"""What an attempt leaves behind, without the sensitive values of its job."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from .job import AttemptError, Job
from .redaction import MARKS, Path, secrets_of
from .secret_texts import Secrets


def redacted(
    job: Job,
    error: AttemptError | None,
    said: str | None,
    sensitive: Sequence[Path] = (),
    also: tuple[str, ...] = (),
) -> tuple[AttemptError | None, str | None]:
    """Return an error, and what a task has said of its end, as they may be stored and shown.

    ``sensitive`` are paths that the job's own meta may not name, ``also`` are other secrets.
    """
    if not (sensitive or also or MARKS in job.meta):
        return error, said
    hidden = secrets_of(job.args, job.meta, sensitive, also=also)
    if not hidden:
        return error, said
    return (
        None if error is None else without(error, hidden),
        None if said is None else hidden.hide(said),
    )


def without(error: AttemptError, hidden: Secrets) -> AttemptError:
    """Return an error whose texts do not contain these values."""
    message, traceback = hidden.hide(error.message), hidden.hide(error.traceback)
    return replace(error, message=message, traceback=traceback)
