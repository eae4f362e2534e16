"""Whether a worker is healthy and ready, for probes of a process manager or a load balancer.

*Healthy* means that a restart would not help: the loop answers, and jobs that are claimed are
started and settled. A store that cannot be reached makes no worker unhealthy, since a restart would
not bring it back. *Ready* means that the worker takes jobs now.
"""

from __future__ import annotations

import msgspec


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """What a health view is made of; spans are microseconds."""

    state: str
    """``starting``, or as in `WorkerReport.state`."""
    hang: str = ""
    """Why it hangs."""
    registered: bool = False
    lease_holds: bool = False
    stalled_for: int = 0
    """For how long the loop has owed an answer, if that is long."""
    outage_for: int = 0
    """For how long the store has not been usable."""


class HealthView(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker is, as it knows itself."""

    healthy: bool
    """Whether the process should live on."""
    ready: bool
    """Whether it takes jobs now."""
    state: str
    """``starting``, ``serving``, ``quiet``, ``draining`` or ``hung``."""
    problems: tuple[str, ...] = ()
    """What is wrong or keeps it from taking jobs, each in a few words; empty when it is ready."""


def health_view(vitals: Vitals) -> HealthView:
    """Judge a worker; decides nothing else.

    >>> health_view(Vitals(state="serving", registered=True, lease_holds=True)).ready
    True
    """
    problems: list[str] = []
    if vitals.hang:
        problems.append(f"hung: {vitals.hang}")
    elif vitals.stalled_for:
        problems.append(f"its loop has not answered for {_seconds(vitals.stalled_for)}")
    if vitals.outage_for:
        problems.append(f"the store cannot be used for {_seconds(vitals.outage_for)}")
    if not vitals.registered:
        problems.append("not registered yet")
    elif not vitals.lease_holds:
        problems.append("its lease is over")
    if vitals.state == "quiet":
        problems.append("quiet: it claims no jobs")
    elif vitals.state == "draining":
        problems.append("draining: it ends when its jobs have ended")
    return HealthView(
        healthy=not vitals.hang,
        ready=vitals.state == "serving" and not problems,
        state=vitals.state,
        problems=tuple(problems),
    )


def _seconds(micros: int) -> str:
    return f"{micros / 1_000_000:.0f} s"
