"""Whether an engine declares what every engine must, and has the roles that it declares."""

from __future__ import annotations

from typing import Any, cast

from .capability import Capability
from .engine import AttemptCounter, Bounds, Engine, LeaseOwner

ROLES: dict[Capability, str] = {
    Capability.TRANSACTION: "transactional",
    Capability.AWAITED_TRANSACTION: "transactional",
    Capability.CALLER_TRANSACTION: "caller_producer",
    Capability.SYNC_ENQUEUE: "sync_producer",
    Capability.FLEET: "fleet",
    Capability.ORDERS: "orders",
    Capability.INSPECT: "inspector",
    Capability.CANCEL: "controller",
    Capability.REDRIVE: "controller",
    Capability.PURGE: "controller",
    Capability.PAUSE: "controller",
    Capability.PRUNE: "retention",
    Capability.MIGRATE: "schema",
    Capability.EXPORT: "exporter",
    Capability.IMPORT: "importer",
    Capability.SCHEDULES: "schedules",
    Capability.ACTIVITY: "activity",
    Capability.ALERTS: "alerts",
    Capability.LOGS: "logs",
}
"""The role without which an engine cannot do what it declares."""

_FACTS: dict[str, Any] = {
    "name": str,
    "poll": int | float,
    "capabilities": frozenset,
    "bounds": Bounds,
    "lease_owner": LeaseOwner,
    "attempt_counter": AttemptCounter,
}


def faults(engine: Engine) -> tuple[str, ...]:
    """Return what an engine lacks, in words; it need not be open, and nothing is called."""
    kind, seen = type(engine).__name__, cast(Any, engine)  # whose author may not check types
    found = [
        f"{kind} does not declare {fact}, which every engine must"
        for fact, right in _FACTS.items()
        if not isinstance(getattr(seen, fact, None), right)
    ]
    found += [
        f"{kind} has no {role}, which every engine must have"
        for role in ("producer", "consumer")
        if getattr(seen, role, None) is None
    ]
    if seen.lease_owner is not LeaseOwner.SERVER and seen.leases is None:
        found.append(f"{kind} has no leases, though its server does not keep them (lease_owner)")
    declared = frozenset[Any](getattr(seen, "capabilities", None) or ())
    strange = sorted(repr(item) for item in declared if not isinstance(item, Capability))
    if strange:
        found.append(f"{kind} declares {', '.join(strange)}, which is not a Capability")
    found += [
        f"{kind} declares {capability.name} and has no {role}"
        for capability, role in ROLES.items()
        if capability in declared and getattr(seen, role) is None
    ]
    if not found and seen.lease_owner is LeaseOwner.WORKER and Capability.FLEET not in declared:
        found.append(f"{kind} gives leases to workers and does not declare FLEET (lease_owner)")
    return tuple(found)
