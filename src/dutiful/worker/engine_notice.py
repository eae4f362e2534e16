"""Logs once, at a worker's start, what its engine cannot do."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.contract.engine import AttemptCounter
from dutiful.contract.facade import Store

from .app_protocol import WorkerApp
from .capture import capturing

_TOLD = (
    Capability.FLEET,
    Capability.INSPECT,
    Capability.SCHEDULES,
    Capability.PRUNE,
    Capability.RESULTS,
    Capability.STEPS,
    Capability.TRANSACTION,
)
"""The capabilities that matter to a worker."""


def log_notice(app: WorkerApp) -> str | None:
    """Return one line about tasks whose lines are to be captured where they cannot be kept."""
    if app.store.can(Capability.LOGS) or not (names := capturing(app)):
        return None
    return (
        f"the {app.store.name} engine cannot {Capability.LOGS.value}; nothing is captured of "
        f"{', '.join(names[:5])}{' and others' if len(names) > 5 else ''}"
    )


def engine_notice(store: Store) -> str | None:
    """Return one line about what is missing, or None where nothing is.

    A missing role also means that its service does not run: FLEET the rescuer, SCHEDULES the
    scheduler, PRUNE the pruner.
    """
    missing = [one.value for one in _TOLD if not store.can(one)]
    spent = (
        "a job that is snoozed, put off since this worker cannot run it, or released as at "
        "shutdown, has spent an attempt"
        if store.engine.attempt_counter is AttemptCounter.BROKER
        else ""
    )
    if not missing:
        return (spent and f"on the {store.name} engine {spent}") or None
    *most, last = missing
    listed = f"{', '.join(most)} or {last}" if most else last
    return f"the {store.name} engine cannot {listed}" + (f"; {spent}" if spent else "")
