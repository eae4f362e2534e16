"""Which queues are served, according to the workers and jobs in the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .capability import ADVICE, Capability
from .page import Finding, QueueCount
from .roles.fleet import WorkerStatus

_NAMED = 5
"""How many queues or workers a sentence names."""


def unserved(workers: Iterable[WorkerStatus], queues: Iterable[QueueCount]) -> dict[str, int]:
    """Return how many due jobs wait in each queue that no live worker serves.

    Only a queue's own workers move what has become due to the queued jobs, so both count. A paused
    queue is left out: its jobs are meant to wait.
    """
    served = {queue for worker in workers if worker.alive for queue in worker.info.queues}
    return {
        queue.queue: waiting
        for queue in queues
        if queue.queue not in served and queue.paused_at is None and (waiting := queue.ready)
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
    """Report whether a live worker serves every queue that holds due jobs."""
    waiting = unserved(workers, queues)
    if waiting:
        if any(worker.alive for worker in workers):
            said = spell(waiting)
        else:
            said = f"no worker is alive, and jobs wait in {_counted(waiting)}"
        return Finding("queues", False, f"{said}; start one with -Q {_joined(waiting)}")
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
