"""What an engine can do, declared so that nothing has to be tried to find out."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """One declared ability; the value completes the sentence "the engine can …"."""

    ORDER = "give jobs out in the order of a queue"
    DELAY = "delay a job"
    PRIORITY = "order a queue by priority"
    UNIQUE = "keep unique rules"
    EXPIRY = "expire jobs that no worker starts"
    ATOMIC_BATCH = "store a batch whole or not at all"
    IDEMPOTENT_ENQUEUE = "store a job once though it is sent twice"
    FENCED = "refuse what a stale attempt writes"
    STEPS = "record steps"
    TRANSACTION = "commit a task's writes together with its completion"
    AWAITED_TRANSACTION = "await a task's transaction on its loop"
    CALLER_TRANSACTION = "enqueue inside the caller's transaction"
    SYNC_ENQUEUE = "enqueue without an event loop"
    RESULTS = "store results"
    FLEET = "know its workers"
    ORDERS = "keep what workers report, and pass orders to them"
    NOTIFY = "wake idle workers"
    INSPECT = "list and look up jobs"
    CANCEL = "cancel jobs"
    REDRIVE = "redrive dead letters"
    PURGE = "purge jobs"
    PAUSE = "pause queues"
    PRUNE = "prune finished jobs"
    MIGRATE = "migrate a schema"
    EXPORT = "be read out for a copy"
    IMPORT = "be filled by a copy"
    SCHEDULES = "keep schedules"
    ACTIVITY = "keep counts by minute and hour"
    ALERTS = "keep alerts"
    LOGS = "keep what tasks log"


ADVICE: dict[Capability, str] = {
    Capability.UNIQUE: "enqueue it without unique=",
    Capability.PRIORITY: "use a queue of its own for urgent jobs",
    Capability.DELAY: "enqueue it when it is due",
    Capability.EXPIRY: "check the age in the task",
    Capability.REDRIVE: "enqueue the job again with its arguments",
    Capability.SCHEDULES: "use another engine, or enqueue from outside",
    Capability.MIGRATE: "it has no schema",
    Capability.INSPECT: "look with its own tools, or let tasks record what you need to see",
    Capability.CANCEL: "let it run, and let the task check whether it is still wanted",
    Capability.PURGE: "delete them with its own tools",
    Capability.PAUSE: "stop the workers that serve the queue",
    Capability.FLEET: "look at the processes of the workers and at their logs",
    Capability.ORDERS: "send a signal to the worker's process: TERM drains it",
    Capability.RESULTS: "let the task write its result where you can read it",
    Capability.STEPS: "make the whole task repeatable, with ctx.idempotency_key",
    Capability.TRANSACTION: "write in a transaction of your own, and make the task repeatable",
    Capability.CALLER_TRANSACTION: "enqueue after the commit",
    Capability.EXPORT: "let its workers finish the jobs",
    Capability.IMPORT: "enqueue the jobs there",
    Capability.ACTIVITY: "look at the metrics of the workers",
    Capability.LOGS: "look at the logs of the workers",
    Capability.ALERTS: "let a monitoring system look at the metrics and logs of the workers",
}
"""What to do instead, where that can be said in general."""
