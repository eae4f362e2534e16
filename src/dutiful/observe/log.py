"""Renders events as log records; the only place that writes their text."""

from __future__ import annotations

import logging
from functools import partial

from dutiful.contract.coverage import spell
from dutiful.core import event as e
from dutiful.core.instant import iso, moment
from dutiful.core.misfire import COUNTED_MAX
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.core.text import visible

_LOG = logging.getLogger("dutiful")


def _write(level: int, text: str, *args: object) -> None:
    """Write one line; text of tasks, rows or people cannot steer a terminal.

    The store keeps the original text.
    """
    shown = [visible(arg) if isinstance(arg, str) else arg for arg in args]
    _LOG.log(level, visible(text), *shown, stacklevel=2)


_debug, _info, _warning, _error = (
    partial(_write, level)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
)

UNLOGGED = frozenset({e.Enqueued, e.Claimed})
"""The events that `log` never writes: they are as many as there are jobs."""


def log(event: e.Event) -> None:
    """Write one event to the ``dutiful`` logger; arguments and results are never written."""
    match event:
        case e.Settled(settlements=settlements):
            for settlement in settlements:
                if settlement.error is not None or settlement.reason is not None:
                    _settlement(settlement)
        case e.Enqueued() | e.Claimed():
            pass
        case e.JobDied(job=job, reason=reason, error=error):
            why = f": {error.type}: {error.message}" if error else ""
            _error("job %s (%s) is dead, %s%s", job.id, job.task, reason, why)
        case (
            e.ClaimsRefused()
            | e.SettlementsUnknown()
            | e.WorkerLost()
            | e.JobsRescued()
            | e.LeaseLost()
        ):
            idle = isinstance(event, e.LeaseLost) and not event.stopped  # nothing came of it
            _write(logging.INFO if idle else logging.WARNING, _worded(event))
        case _:
            _of_single_jobs(event)


def _of_single_jobs(event: e.Event) -> None:
    match event:
        case e.TaskUnknown(task=task, job_id=job_id):
            _warning("job %s waits: this worker has no task %r", job_id, task)
        case e.ArgumentsUnfit(task=task, job_id=job_id, error=error):
            _warning("job %s (%s) waits for other code: %s", job_id, task, error)
        case e.SlotStuck(job_id=job_id, task=task, isolation=isolation):
            text = "job %s (%s) still runs after its hard timeout, or a hook's, in a %s"
            _error(text, job_id, task, isolation)
        case e.SlotWaiting(job_id=job_id, task=task, waits_for=other):
            text = "job %s (%s) holds its slot while it waits for the result of job %s"
            _warning(text, job_id, task, other)
        case e.SlotsShort(slots=slots, of=of, error=error):
            text = "%d of %d slots are used for now; further jobs are released: %s"
            _error(text, slots, of, error)
        case e.SlotsRestored(slots=slots):
            _warning("all %d slots are used again", slots)
        case e.OutcomeRefused(job_id=job_id, task=task, error=error):
            text = "job %s (%s): its outcome cannot be stored, so its attempt has failed: %s"
            _error(text, job_id, task, error)
        case _:
            _operations(event)


def _at(instant: int) -> str:
    try:
        return moment(instant).isoformat()
    except OverflowError:  # another program has written such a time
        return iso(instant)


def _settlement(settlement: Settlement) -> None:
    job, error = settlement.claim.job, settlement.error
    if settlement.state is State.DEAD or error is None or settlement.parked_at is not None:
        return
    _warning(
        "job %s (%s) attempt %d/%d failed: %s: %s; now %s",
        job.id,
        job.task,
        error.attempt,
        job.max_attempts,
        error.type,
        error.message,
        settlement.state.word,
    )


def _worded(
    event: e.ClaimsRefused | e.SettlementsUnknown | e.WorkerLost | e.JobsRescued | e.LeaseLost,
) -> str:
    match event:
        case e.ClaimsRefused(job_ids=ids):
            return f"{len(ids)} stale claims were refused: {', '.join(ids[:5])}"
        case e.SettlementsUnknown(job_ids=ids):
            return (
                f"the ends of {len(ids)} jobs may not be written, since the leases were over "
                f"before the store answered; they may run again: {', '.join(ids[:5])}"
            )
        case e.WorkerLost(worker=worker, why=why):
            return f"worker {worker} is lost: {why}"
        case e.JobsRescued(count=count):
            return f"{count} jobs of lost workers were rescued"
        case e.LeaseLost(stopped=stopped):
            return f"could not renew the lease in time; {stopped} jobs were stopped"


def _operations(event: e.Event) -> None:
    match event:
        case e.QueuesUnserved(waiting=waiting):
            _warning(spell(waiting))
        case e.SettlementsDelayed(job_ids=ids, locked_by=who):
            _warning(
                "the ends or steps of %d jobs wait until %s unlocks their rows: %s",
                len(ids),
                who or "another session",
                ", ".join(ids[:5]),
            )
        case e.EngineTroubled(error=error):
            _error("the store cannot be used, trying again: %s", error)
        case e.EngineRecovered(seconds=seconds):
            _warning("the store can be used again after %.1f s", seconds)
        case e.ServiceFailed(service=service, error=error):
            _error("service %s failed: %s", service, error)
        case e.HookFailed(hook=hook, error=error):
            _error("hook %s failed: %s", hook, error)
        case _:
            _of_workers(event)


def _of_workers(event: e.Event) -> None:
    match event:
        case e.WorkerJoined(worker=worker, queues=queues):
            _info("worker %s serves %s", worker, ", ".join(queues))
        case e.WorkerStalled(worker=worker, seconds=seconds):
            _error("worker %s hangs: its loop has not answered for %.0f s", worker, seconds)
        case e.WorkerHung(worker=worker, reason=reason):
            _error("worker %s is hung and ends if it can: %s", worker, reason)
        case e.WorkerQuieted(worker=worker):
            _info("worker %s is quiet: it claims no jobs until it is resumed", worker)
        case e.WorkerResumed(worker=worker):
            _info("worker %s claims jobs again", worker)
        case e.WorkerDraining(worker=worker, running=running, ordered=ordered):
            why = ", as ordered" if ordered else ""
            _info("worker %s drains%s; %d jobs run", worker, why, running)
        case e.WorkerLeft(worker=worker, released=released):
            _info("worker %s left; %d jobs released", worker, released)
        case _:
            _of_the_store(event)


def _of_the_store(event: e.Event) -> None:
    match event:
        case e.Pruned(count=count):
            _debug("%d finished jobs were pruned", count)
        case e.StoreUnhealthy(text=text):
            _warning("%s", text)
        case e.Notice(text=text):
            _warning(text)
        case e.PingsStopped(why=why):
            _error("no dead-man's signal goes out: %s", why)
        case e.PingsResumed():
            _warning("the dead-man's signal goes out again")
        case _:
            _of_schedules(event)


def _of_schedules(event: e.Event) -> None:
    match event:
        case e.OccurrenceLate(schedule=name, planned=planned, seconds=seconds, what=what):
            at = _at(planned)
            _warning("schedule %s: occurrence of %s %s (%.1f s)", name, at, what, seconds)
        case e.OccurrenceMissed(schedule=name, planned=planned, count=count, why=why):
            at = _at(planned)
            many = str(count) if count <= COUNTED_MAX else f"more than {COUNTED_MAX}"
            text = "schedule %s: occurrences missed up to %s: %s; %s"
            _warning(text, name, at, many, why)
        case e.ScheduleBroken(schedule=name, error=error):
            _error("schedule %s cannot continue, trying again: %s", name, error)
        case e.SchedulesDeclared(app=app, added=added, changed=changed, retired=retired):
            parts = {"added": added, "changed": changed, "retired": retired}
            said = [f"{', '.join(names)} {verb}" for verb, names in parts.items() if names]
            _info("app %s declares schedules: %s", app, "; ".join(said))
        case e.ClockSkewed(seconds=seconds):
            _warning("this clock differs from the store's, which decides, by %.1f s", seconds)
        case _:
            pass
