"""Which queues are served, according to the workers and jobs in the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dutiful.core.state import State

from .fleet import WorkerStatus
from .page import Finding, QueueCount

_NAMED = 5
"""How many queues or workers a sentence names."""


def unserved(workers: Iterable[WorkerStatus], queues: Iterable[QueueCount]) -> dict[str, int]:
    """Return how many queued jobs wait in each queue that no live worker serves.

    A paused queue is left out: its jobs are meant to wait.
    """
    served = {queue for worker in workers if worker.alive for queue in worker.info.queues}
    return {
        queue.queue: waiting
        for queue in queues
        if queue.queue not in served
        and queue.paused_at is None
        and (waiting := queue.counts.get(State.QUEUED, 0))
    }


def of_workers(workers: Sequence[WorkerStatus]) -> Finding:
    """Report whether every worker in the store is alive and responds."""
    lost = sum(worker.lost for worker in workers)
    overdue = sum(worker.overdue for worker in workers)
    stalled = sum(worker.alive and worker.stalled_for > 0 for worker in workers)
    troubles = {
        "lost": lost,
        "silent for longer than their lease": overdue,
        "hung": stalled,
    }
    alive = sum(worker.alive for worker in workers)
    said = [f"{alive} {'worker' if alive == 1 else 'workers'} alive"]
    said += [f"{count} {trouble}" for trouble, count in troubles.items() if count]
    text = ", ".join(said)
    if lost or overdue or stalled:
        text += "; see `dutiful workers list`"
    return Finding("workers", not (lost or overdue or stalled), text)


def of_queues(workers: Sequence[WorkerStatus], queues: Sequence[QueueCount]) -> Finding:
    """Report whether a live worker serves every queue that holds queued jobs."""
    waiting = unserved(workers, queues)
    if not waiting:
        return Finding("queues", True, "a live worker serves each queue that holds queued jobs")
    return Finding("queues", False, f"{spell(waiting)}; start one with -Q {_joined(waiting)}")


def spell(waiting: dict[str, int]) -> str:
    """Say which queues no worker serves, and how many jobs wait there.

    >>> spell({"mail": 3})
    'no live worker serves mail (3 queued)'
    """
    named = [f"{queue} ({count:,} queued)" for queue, count in list(waiting.items())[:_NAMED]]
    rest = len(waiting) - len(named)
    more = [f"{rest} more"] if rest else []
    return f"no live worker serves {', '.join([*named, *more])}"


def _joined(waiting: dict[str, int]) -> str:
    return ",".join(list(waiting)[:_NAMED])
