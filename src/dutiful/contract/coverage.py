"""Which queues are served, according to the workers and jobs in the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dutiful.core.instant import SECOND

from .capability import ADVICE, Capability
from .page import Finding, QueueCount
from .roles.fleet import WorkerStatus

_NAMED = 5
"""How many queues or workers a sentence names."""
_OUTAGE_LONG = 5 * SECOND


def unserved(workers: Iterable[WorkerStatus], queues: Iterable[QueueCount]) -> dict[str, int]:
    """Return how many due jobs wait in each queue that no live worker serves.

    Only a queue's own workers move what has become due to the queued jobs, so both count. A paused
    queue is left out: its jobs are meant to wait.
    """
    served = {queue for worker in workers if worker.serves for queue in worker.info.queues}
    return {
        queue.queue: waiting
        for queue in queues
        if queue.queue not in served and queue.paused_at is None and (waiting := queue.ready)
    }


def of_workers(workers: Sequence[WorkerStatus]) -> Finding:
    """Report whether every worker in the store is alive and responds."""
    lost = sum(worker.lost for worker in workers)
    overdue = sum(worker.overdue for worker in workers)
    hung = [worker for worker in workers if worker.alive and _hangs(worker)]
    refused = sum(worker.alive and _refused(worker) for worker in workers)
    quiet = sum(worker.alive and worker.state == "quiet" for worker in workers)
    counts = {
        "lost": lost,
        "silent for longer than their lease": overdue,
        "hung": len(hung),
        "unable to use the store": refused,
        "quiet": quiet,
    }
    alive = sum(worker.alive for worker in workers)
    said = [f"{alive} {'worker' if alive == 1 else 'workers'} alive"]
    said += [f"{count} {trouble}" for trouble, count in counts.items() if count]
    text = ", ".join(said)
    if lost or overdue or hung or refused:
        text += "; see `dutiful workers list`"
    if hung:
        text += f"; send USR1 to {_processes(hung)} for the stacks, then restart it"
    elif lost or overdue:
        text += "; start others if these do not come back, which rescue the jobs"
    return Finding("workers", not (lost or overdue or hung or refused), text)


def _refused(worker: WorkerStatus) -> bool:
    """Whether a worker has reported for long that it cannot use the store, as for want of room.

    Its lease may hold all the same: a renewal needs no room.
    """
    return worker.report is not None and worker.report.outage_for > _OUTAGE_LONG


def of_worker(worker: WorkerStatus) -> Finding:
    """Report whether one worker may live on; one that is quiet or drains may."""
    name = f"worker {worker.info.id}"
    if worker.lost:
        return Finding(name, False, "it was declared lost; restart its process if that still runs")
    if worker.overdue:
        silent = worker.silent_for / SECOND
        text = f"its lease is over: silent for {silent:.0f} s; see whether its process and its "
        return Finding(name, False, text + "connection to the store live, and restart it")
    if _hangs(worker):
        why = worker.report.reason if worker.report is not None and worker.hung else ""
        why = why or f"its loop has not answered for {worker.stalled_for / SECOND:.0f} s"
        advice = f"send USR1 to {_processes([worker])} for the stacks, then restart it"
        return Finding(name, False, f"hung: {why}; {advice}")
    silent = worker.silent_for / SECOND
    return Finding(name, True, f"{worker.state}, renewed its lease {silent:.1f} s ago")


def of_age(
    queue: QueueCount, workers: Iterable[WorkerStatus], now: int, age_max: int | None
) -> Finding:
    """Report whether a queue is served, and its oldest due job waits for ``age_max`` at most.

    ``now`` is by the store's clock, spans are in microseconds. A paused queue is fine: its jobs are
    meant to wait.
    """
    name, ready = f"queue {queue.queue}", queue.ready
    if queue.paused_at is not None:
        return Finding(name, True, f"paused, with {ready:,} due jobs")
    if not ready:
        return Finding(name, True, "no due jobs")
    if waiting := unserved(workers, [queue]):
        return Finding(name, False, f"{spell(waiting)}; start one with -Q {queue.queue}")
    oldest = queue.oldest_queued_at
    waits = 0 if oldest is None else max(now - oldest, 0)
    text = f"{ready:,} due jobs, the oldest waits for {spell_span(waits)}"
    if age_max is None or waits <= age_max:
        return Finding(name, True, text)
    return Finding(
        name,
        False,
        f"{text}, over {spell_span(age_max)}; add workers or slots, or see what holds them up "
        "with `dutiful workers list`",
    )


def spell_span(micros: int) -> str:
    """Write a span for a person, rounded to a tenth of a second.

    >>> spell_span(90_000_000)
    '90.0 s'
    """
    return f"{micros / SECOND:.1f} s"


def _hangs(worker: WorkerStatus) -> bool:
    return worker.stalled_for > 0 or worker.hung


def _processes(workers: Sequence[WorkerStatus]) -> str:
    named = [
        f"process {worker.info.pid} on {worker.info.host or 'its host'}"
        for worker in workers[:_NAMED]
    ]
    return ", ".join(named)


def of_queues(workers: Sequence[WorkerStatus], queues: Sequence[QueueCount]) -> Finding:
    """Report whether a live worker serves every queue that holds due jobs."""
    waiting = unserved(workers, queues)
    if waiting:
        if any(worker.alive for worker in workers):
            said = spell(waiting)
        else:
            said = f"no worker is alive, and jobs wait in {_counted(waiting)}"
        advice = f"start one with -Q {_joined(waiting)}"
        quiet = [
            worker.info.id
            for worker in workers
            if worker.alive and worker.state == "quiet" and {*worker.info.queues} & {*waiting}
        ]
        if quiet:
            advice = f"resume one: `dutiful workers resume {quiet[0]}`"
        return Finding("queues", False, f"{said}; {advice}")
    if any(queue.ready and queue.paused_at is None for queue in queues):
        text = "a live worker serves each queue that holds due jobs"
    elif any(queue.ready for queue in queues):
        text = "only paused queues hold due jobs"
    else:
        text = "no queue holds due jobs"
    return Finding("queues", True, text)


def unknown(engine: str) -> Finding:
    """Report that the engine does not know its workers, so that coverage was not checked."""
    lacks = Capability.FLEET
    text = f"not checked, since the {engine} engine cannot {lacks.value}; {ADVICE[lacks]}"
    return Finding("workers", True, text)


def spell(waiting: dict[str, int]) -> str:
    """Say which queues no worker serves, and how many jobs wait there.

    >>> spell({"mail": 3})
    'no live worker serves mail (3 due)'
    """
    return f"no live worker serves {_counted(waiting)}"


def _counted(waiting: dict[str, int]) -> str:
    named = [f"{queue} ({count:,} due)" for queue, count in list(waiting.items())[:_NAMED]]
    rest = len(waiting) - len(named)
    return ", ".join([*named, *([f"{rest} more"] if rest else [])])


def _joined(waiting: dict[str, int]) -> str:
    return ",".join(list(waiting)[:_NAMED])
