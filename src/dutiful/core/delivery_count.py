"""What follows from deliveries that a broker counts, and that cannot be set back."""

from __future__ import annotations

from .job import Job
from .outcome import Failed, Outcome


def delivered_too_often(job: Job) -> Outcome | None:
    """Return the outcome of a claimed job that has spent its attempts, or None while it may start.

    A job that kills its workers leaves no outcome behind: only the count of its deliveries grows.
    """
    if job.attempt <= job.max_attempts:
        return None
    return Failed(
        "WorkerLost",
        f"it was delivered {job.attempt} times, and max_attempts is {job.max_attempts}: workers "
        "died while they ran it, or snoozed or released it, which counts as a delivery, too",
    )
