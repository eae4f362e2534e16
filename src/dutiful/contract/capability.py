"""What an engine can do, declared so that nothing has to be tried to find out."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """One declared ability; the value completes the sentence "the engine can …"."""

    DELAY = "delay a job"
    PRIORITY = "order a queue by priority"
    UNIQUE = "keep unique rules"
    EXPIRY = "expire jobs that no worker starts"
    STEPS = "record steps"
    TRANSACTION = "commit a task's writes together with its completion"
    AWAITED_TRANSACTION = "await a task's transaction on its loop"
    CALLER_TRANSACTION = "enqueue inside the caller's transaction"
    SYNC_ENQUEUE = "enqueue without an event loop"
    RESULTS = "store results"
    INSPECT = "list and look up jobs"
    CANCEL = "cancel jobs"
    REDRIVE = "redrive dead letters"
    PURGE = "purge jobs"
    PAUSE = "pause queues"
    PRUNE = "prune finished jobs"
    MIGRATE = "migrate a schema"
    COPY = "be read out and filled"
    SCHEDULES = "keep schedules"
