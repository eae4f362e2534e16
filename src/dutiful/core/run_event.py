"""The events of a worker's and a job's start."""

from __future__ import annotations

import msgspec

from .job import Job


class WorkerStarted(msgspec.Struct, frozen=True, tag=True):
    """``dutiful worker`` begins to serve; emitted once, also for several processes."""

    app: str
    store: str
    """The URL without what is secret in it."""
    tasks: tuple[str, ...]
    queues: dict[str, int]
    """The weight of each queue."""
    slots: int
    """How many jobs each process runs at a time."""
    processes: int
    schedules: int
    """How many schedules the app's code declares."""
    version: str
    python: str
    pid: int
    app_version: str = ""
    """Of the app's code, if the app says it."""


class JobStarted(msgspec.Struct, frozen=True, tag=True):
    """The body of an attempt begins."""

    worker: str
    job_id: str
    task: str
    queue: str
    attempt: int


def job_started(job: Job) -> JobStarted:
    """Return the event for a job whose body begins."""
    return JobStarted(job.worker or "", job.id, job.task, job.queue, job.attempt)
