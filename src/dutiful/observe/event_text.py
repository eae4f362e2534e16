"""The words of each event in the log."""

from __future__ import annotations

import logging

from dutiful.contract.coverage import spell
from dutiful.core import alert_event as a
from dutiful.core import event as e
from dutiful.core.instant import iso, moment
from dutiful.core.misfire import COUNTED_MAX

Line = tuple[int, str, tuple[object, ...]]
"""A level, a text with places for arguments, and these."""


def _line(level: int, text: str, *args: object) -> Line:
    return level, text, args


def worded(event: e.Event) -> Line | None:
    """Return the line of an event; None for one that has none."""
    match event:
        case e.Enqueued() | e.Claimed() | e.Settled():
            return None
        case e.JobStarted(job_id=job_id, task=task, attempt=attempt):
            return _line(logging.DEBUG, "job %s (%s) starts, attempt %d", job_id, task, attempt)
        case e.WorkerStarted():
            return _line(logging.INFO, "%s", _banner(event))
        case e.JobDied(job=job, reason=reason, error=error):
            why = f": {error.type}: {error.message}" if error else ""
            text = "job %s (%s) is dead, %s%s"
            return _line(logging.ERROR, text, job.id, job.task, reason, why)
        case (
            e.ClaimsRefused()
            | e.SettlementsUnknown()
            | e.WorkerLost()
            | e.JobsRescued()
            | e.LeaseLost()
        ):
            idle = isinstance(event, e.LeaseLost) and not event.stopped  # nothing came of it
            return _line(logging.INFO if idle else logging.WARNING, "%s", _said(event))
        case _:
            return _of_single_jobs(event)


def _of_single_jobs(event: e.Event) -> Line | None:
    match event:
        case e.TaskUnknown(task=task, job_id=job_id):
            return _line(logging.WARNING, "job %s waits: this worker has no task %r", job_id, task)
        case e.ArgumentsUnfit(task=task, job_id=job_id, error=error):
            return _line(
                logging.WARNING, "job %s (%s) waits for other code: %s", job_id, task, error
            )
        case e.SlotStuck(job_id=job_id, task=task, isolation=isolation):
            text = "job %s (%s) still runs after its hard timeout, or a hook's, in a %s"
            return _line(logging.ERROR, text, job_id, task, isolation)
        case e.SlotWaiting(job_id=job_id, task=task, waits_for=other):
            text = "job %s (%s) holds its slot while it waits for the result of job %s"
            return _line(logging.WARNING, text, job_id, task, other)
        case e.SlotsShort(slots=slots, of=of, error=error):
            text = "%d of %d slots are used for now; further jobs are released: %s"
            return _line(logging.ERROR, text, slots, of, error)
        case e.SlotsRestored(slots=slots):
            return _line(logging.WARNING, "all %d slots are used again", slots)
        case e.OutcomeRefused(job_id=job_id, task=task, error=error):
            text = "job %s (%s): its outcome cannot be stored, so its attempt has failed: %s"
            return _line(logging.ERROR, text, job_id, task, error)
        case _:
            return _operations(event)


def _at(instant: int) -> str:
    try:
        return moment(instant).isoformat()
    except OverflowError:  # another program has written such a time
        return iso(instant)


def _said(
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


def _banner(event: e.WorkerStarted) -> str:
    queues = " ".join(f"{name}:{weight}" for name, weight in event.queues.items())
    app = f"{event.app} {event.app_version}" if event.app_version else event.app
    return (
        f"dutiful {event.version} starts: app {app}, store {event.store}, "
        f"{_count(len(event.tasks), 'task')}, queues {queues}, {_count(event.slots, 'slot')}, "
        f"{_count(event.processes, 'process', 'processes')}, "
        f"{_count(event.schedules, 'schedule')}; Python {event.python}, pid {event.pid}"
    )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _operations(event: e.Event) -> Line | None:
    match event:
        case e.QueuesUnserved(waiting=waiting):
            return _line(logging.WARNING, spell(waiting))
        case e.SettlementsDelayed(job_ids=ids, locked_by=who):
            return _line(
                logging.WARNING,
                "the ends or steps of %d jobs wait until %s unlocks their rows: %s",
                len(ids),
                who or "another session",
                ", ".join(ids[:5]),
            )
        case e.EngineTroubled(error=error):
            return _line(logging.ERROR, "the store cannot be used, trying again: %s", error)
        case e.EngineRecovered(seconds=seconds):
            return _line(logging.WARNING, "the store can be used again after %.1f s", seconds)
        case e.ServiceFailed(service=service, error=error):
            return _line(logging.ERROR, "service %s failed: %s", service, error)
        case e.HookFailed(hook=hook, error=error):
            return _line(logging.ERROR, "hook %s failed: %s", hook, error)
        case _:
            return _of_workers(event)


def _of_workers(event: e.Event) -> Line | None:
    match event:
        case e.WorkerJoined(worker=worker, queues=queues):
            return _line(logging.INFO, "worker %s serves %s", worker, ", ".join(queues))
        case e.WorkerStalled(worker=worker, seconds=seconds):
            text = "worker %s hangs: its loop has not answered for %.0f s"
            return _line(logging.ERROR, text, worker, seconds)
        case e.WorkerHung(worker=worker, reason=reason):
            text = "worker %s is hung and ends if it can: %s"
            return _line(logging.ERROR, text, worker, reason)
        case e.WorkerQuieted(worker=worker):
            text = "worker %s is quiet: it claims no jobs until it is resumed"
            return _line(logging.INFO, text, worker)
        case e.WorkerResumed(worker=worker):
            return _line(logging.INFO, "worker %s claims jobs again", worker)
        case e.WorkerDraining(worker=worker, running=running, ordered=ordered):
            why = ", as ordered" if ordered else ""
            return _line(logging.INFO, "worker %s drains%s; %d jobs run", worker, why, running)
        case e.WorkerLeft(worker=worker, released=released):
            return _line(logging.INFO, "worker %s left; %d jobs released", worker, released)
        case _:
            return _of_the_store(event)


def _of_the_store(event: e.Event) -> Line | None:
    match event:
        case e.Pruned(count=count):
            return _line(logging.DEBUG, "%d finished jobs were pruned", count)
        case e.StoreUnhealthy(text=text):
            return _line(logging.WARNING, "%s", text)
        case e.Notice(text=text):
            return _line(logging.WARNING, text)
        case e.PingsStopped(why=why):
            return _line(logging.ERROR, "no dead-man's signal goes out: %s", why)
        case e.PingsResumed():
            return _line(logging.WARNING, "the dead-man's signal goes out again")
        case _:
            return _of_schedules(event)


def _of_schedules(event: e.Event) -> Line | None:
    match event:
        case e.OccurrenceLate(schedule=name, planned=planned, seconds=seconds, what=what):
            at = _at(planned)
            return _line(
                logging.WARNING,
                "schedule %s: occurrence of %s %s (%.1f s)",
                name,
                at,
                what,
                seconds,
            )
        case e.OccurrenceMissed(schedule=name, planned=planned, count=count, why=why):
            at = _at(planned)
            many = str(count) if count <= COUNTED_MAX else f"more than {COUNTED_MAX}"
            text = "schedule %s: occurrences missed up to %s: %s; %s"
            return _line(logging.WARNING, text, name, at, many, why)
        case e.ScheduleBroken(schedule=name, error=error):
            return _line(
                logging.ERROR, "schedule %s cannot continue, trying again: %s", name, error
            )
        case e.SchedulesDeclared(app=app, added=added, changed=changed, retired=retired):
            parts = {"added": added, "changed": changed, "retired": retired}
            said = [f"{', '.join(names)} {verb}" for verb, names in parts.items() if names]
            return _line(logging.INFO, "app %s declares schedules: %s", app, "; ".join(said))
        case e.ClockSkewed(seconds=seconds):
            return _line(
                logging.WARNING,
                "this clock differs from the store's, which decides, by %.1f s",
                seconds,
            )
        case _:
            return _of_alerts(event)


def _of_alerts(event: e.Event) -> Line | None:
    match event:
        case a.AlertFired(rule=rule, severity=severity, title=title, error=error, command=more):
            level = logging.ERROR if severity == "critical" else logging.WARNING
            text = "alert %s: %s%s%s"
            return _line(level, text, rule, title, error and f"; {error}", more and f"; see {more}")
        case a.AlertResolved(rule=rule, title=title):
            return _line(logging.WARNING, "alert %s is resolved: %s", rule, title)
        case a.AlertRuleFailed(rule=rule, error=error):
            return _line(logging.ERROR, "alert rule %s failed: %s", rule, error)
        case a.AlertNotSent(sink=sink, error=error, attempt=attempt, given_up=given_up):
            after = "it is given up" if given_up else "it is tried again"
            text = "an alert cannot be sent to %s (try %d), %s: %s"
            return _line(logging.WARNING, text, sink, attempt, after, error)
        case _:
            return None
