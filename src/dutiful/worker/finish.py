"""The last moments of an attempt: what an interruption means, and the end of its transaction."""

from __future__ import annotations

import random

from dutiful.core.errors import ReplyUnknown
from dutiful.core.outcome import Cancelled, Failed, Outcome, Released, Succeeded
from dutiful.core.settle import Rules, settle

from .attempt import Running
from .failure import raised, timed_out


def interrupted(running: Running) -> Outcome:
    """Say what became of an attempt whose body was interrupted."""
    match running.why:
        case "timeout":
            return timed_out((running.task.spec.timeout or 0) / 1_000_000)
        case "cancel":
            return Cancelled()
        case "shutdown" | "lost":
            return Released()
        case None:
            return Failed("CancelledError", "the task's coroutine was cancelled by its own code")


def conclude(running: Running, outcome: Outcome) -> Outcome | None:
    """Commit the attempt's transaction with its completion, or roll it back; blocks.

    Returns None when the job is settled by this (or was refused as stale, undoing the writes),
    else the outcome that is still to be settled. ReplyUnknown is left to the rescuer: the job is
    settled if the commit happened, and taken back by its lease if it did not.
    """
    transaction = running.transaction
    if transaction is None:
        return outcome
    if not isinstance(outcome, Succeeded):
        transaction.rollback()
        return outcome
    if running.why == "lost":
        transaction.rollback()
        return Released()
    settlement = settle(running.claim, outcome, 0, random.Random(0), Rules())  # noqa: S311
    try:
        held = transaction.commit(settlement)
    except ReplyUnknown:
        return None
    except Exception as error:  # noqa: BLE001 - a failed commit is the attempt's failure
        transaction.rollback()
        return raised(error, running.task.spec.retry)
    report(running, held)
    return None


def report(running: Running, held: bool) -> None:
    """Tell the listeners how a settlement inside a transaction went."""
    worker = running.job.worker or ""
    settlement = settle(running.claim, Succeeded(), 0, random.Random(0), Rules())  # noqa: S311
    running.loop.call_soon_threadsafe(running.store.reported, worker, settlement, held)
