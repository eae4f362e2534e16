"""The end of an attempt: what an interruption means, and how its transaction ends."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec

from dutiful.core.outcome import Cancel, Cancelled, Failed, Outcome, Released, Signal, Succeeded
from dutiful.core.settle import Settlement, succeed

from .attempt import Running
from .capacity import CannotStart
from .captured_log import claim_with_log
from .error_text import text_of
from .failure import holds, raised, stems_from, timed_out
from .transaction_guard import AsyncTransactionGuard, TransactionGuard

_BY_ITSELF = "the task's coroutine was cancelled by its own code"


def interrupted(running: Running) -> Outcome:
    """Return the outcome of an attempt whose body was interrupted."""
    match running.why:
        case "timeout":
            spec = running.task.spec
            return timed_out((spec.timeout or spec.hard_timeout or 0) / 1_000_000, spec.retry)
        case "cancel":
            return Cancelled()
        case "shutdown" | "lost":
            return Released()
        case "exit":
            error = running.exit or SystemExit()
            return raised(error, running.task.spec.retry)
        case None:
            return Failed("CancelledError", _BY_ITSELF)


def failed(running: Running, error: BaseException) -> Outcome:
    """Return the outcome for an error of an attempt's body, which may have been interrupted.

    An interrupted body that raises `Cancel` (as ``ctx.check_cancelled`` does), or an error of its
    own cleanup, has not failed: a deployment must neither cancel jobs nor use up attempts. A body
    that has timed out may raise any other signal, which counts, as it does in a thread or a child.
    """
    if running.why is None:
        if issubclass(type(error), asyncio.CancelledError):
            return _cancelled_itself(running, error)
    elif holds(error, Cancel):
        return interrupted(running)
    elif stems_from(error, asyncio.CancelledError):
        if running.why != "timeout" or not holds(error, Signal):
            return interrupted(running)
    return raised(error, running.task.spec.retry)


def _cancelled_itself(running: Running, error: BaseException) -> Outcome:
    """Return the outcome of a CancelledError without a request to end: an error of the task."""
    outcome = raised(error, running.task.spec.retry)
    if running.awaits and isinstance(outcome, Failed) and not outcome.message:
        return msgspec.structs.replace(outcome, type="CancelledError", message=_BY_ITSELF)
    return outcome


def judged(running: Running, error: BaseException) -> Outcome:
    """Decide what an error means; a shortage in the system is not the task's failure."""
    if holds(error, CannotStart):
        running.unstarted = text_of(error)
    return failed(running, error)


def conclude(running: Running, outcome: Outcome) -> Outcome | None:
    """Commit the attempt's transaction with its completion, or roll it back; blocks.

    Returns None when this settled the job (or when the claim was stale, so that the writes were
    undone), otherwise the outcome that is still to be settled. After a lost reply that outcome is a
    failure: if the commit did happen, it has settled the job under the same fence, and the failure
    changes nothing.
    """
    transaction = running.transaction
    if not isinstance(transaction, TransactionGuard):
        return outcome
    if (undone := _undoes(running, outcome, begun=transaction.begun)) is not None:
        undo(transaction)
        return undone
    try:
        held = transaction.commit(_completion(running, outcome))
    except BaseException as error:  # noqa: BLE001 - a failed commit is the attempt's failure
        undo(transaction)
        return raised(error, running.task.spec.retry)
    report(running, held)
    return None


async def aconclude(running: Running, outcome: Outcome) -> Outcome | None:
    """Do what `conclude` does, on an async connection."""
    transaction = running.transaction
    if not isinstance(transaction, AsyncTransactionGuard):
        return outcome
    if (undone := _undoes(running, outcome, begun=transaction.begun)) is not None:
        await aundo(transaction)
        return undone
    try:
        held = await transaction.acommit(_completion(running, outcome))
    except BaseException as error:  # noqa: BLE001 - interrupted or failed, it may have happened
        await aundo(transaction)
        return failed(running, error)
    report(running, held)
    return None


def undo(transaction: TransactionGuard) -> None:
    """Roll back; a store that cannot be reached undoes uncommitted work by itself."""
    with contextlib.suppress(BaseException):
        transaction.rollback()


async def aundo(transaction: AsyncTransactionGuard) -> None:
    """Do what `undo` does; an interruption ends the wait and does not replace the outcome."""
    with contextlib.suppress(Exception, asyncio.CancelledError):
        await transaction.arollback()


def _undoes(running: Running, outcome: Outcome, *, begun: bool) -> Outcome | None:
    """Return the outcome to settle after a rollback; None when the transaction may commit."""
    if not isinstance(outcome, Succeeded) or not begun:
        return outcome
    return Released() if running.why == "lost" else None


def _completion(running: Running, outcome: Outcome) -> Settlement:
    claim = claim_with_log(running.claim, running.log)
    return succeed(claim, outcome.result if isinstance(outcome, Succeeded) else None, 0)


def report(running: Running, held: bool) -> None:
    """Emit the result of a settlement inside a transaction."""
    job, since = running.job, running.since
    took = 0 if since is None else int((running.loop.time() - since) * 1_000_000)
    worker, began = job.worker or "", 0 if job.started_at is None else job.started_at
    settlement = succeed(running.claim, None, began + took)
    running.loop.call_soon_threadsafe(running.store.reported, worker, settlement, held)
