"""How a worker is at this moment, for metrics and health checks."""

from __future__ import annotations

from dutiful.core.instant import SECOND
from dutiful.observe.metrics.worker_vitals import WorkerVitals
from dutiful.services.process import rss_mb

from .attempt import Running
from .condition import WorkerCondition, blocked

_MEBIBYTE = 2**20


def vitals_of(condition: WorkerCondition) -> WorkerVitals:
    """Read the state of a worker; may be called from any thread."""
    health, registration = condition.health(), condition.registration
    vitals = WorkerVitals(
        healthy=health.healthy,
        ready=health.ready,
        problems=health.problems,
        resident_bytes=rss_mb() * _MEBIBYTE,
    )
    if registration is not None:
        executor, heartbeat = registration.executor, registration.heartbeat
        running = list(executor.running.values())
        vitals.slots, vitals.used = executor.capacity.slots, len(running)
        vitals.blocked = sum(blocked(one) for one in running)
        vitals.prefetched = len(executor.waiting)
        vitals.lease_lag = heartbeat.lease_lag() / SECOND
        vitals.loop_lag = heartbeat.loop_lag() / SECOND
        vitals.longest = _longest(running)
    return vitals


def _longest(running: list[Running]) -> dict[str, float]:
    """Return for how long the longest attempt of each task has run."""
    found: dict[str, float] = {}
    for one in running:
        if one.since is not None:
            seconds = one.loop.time() - one.since
            found[one.job.task] = max(seconds, found.get(one.job.task, 0.0))
    return found
