"""How a worker is at this moment, for metrics and health checks."""

from __future__ import annotations

from dutiful.core.instant import SECOND
from dutiful.observe.metrics.worker_vitals import WorkerVitals
from dutiful.services.process import rss_mb

from .attempt import Running
from .registration import Registration

_MEBIBYTE = 2**20
_UNREGISTERED = "the worker is not registered"


def vitals_of(registration: Registration | None) -> WorkerVitals:
    """Read the state of a worker; may be called from any thread.

    Without a registration it has not opened its store yet, or has ended. A loop that has not
    answered for longer than the lease counts as unhealthy.
    """
    resident = rss_mb() * _MEBIBYTE
    if registration is None:
        return WorkerVitals(
            healthy=True, ready=False, problems=(_UNREGISTERED,), resident_bytes=resident
        )
    executor, heartbeat = registration.executor, registration.heartbeat
    loop_lag = heartbeat.loop_lag()
    healthy, valid = loop_lag <= registration.lease.length, heartbeat.valid()
    problems = {
        f"the loop has not answered for {loop_lag / SECOND:.1f} s": healthy,
        _UNREGISTERED: registration.joined,
        "the lease is over": valid,
    }
    running = list(executor.running.values())
    return WorkerVitals(
        healthy=healthy,
        ready=healthy and registration.joined and valid,
        problems=tuple(text for text, fine in problems.items() if not fine),
        slots=executor.capacity.slots,
        used=len(running),
        blocked=sum(one.cancelled for one in running),
        prefetched=len(executor.waiting),
        lease_lag=heartbeat.lease_lag() / SECOND,
        loop_lag=loop_lag / SECOND,
        longest=_longest(running),
        resident_bytes=resident,
    )


def _longest(running: list[Running]) -> dict[str, float]:
    """Return for how long the longest attempt of each task has run."""
    found: dict[str, float] = {}
    for one in running:
        if one.since is not None:
            seconds = one.loop.time() - one.since
            found[one.job.task] = max(seconds, found.get(one.job.task, 0.0))
    return found
