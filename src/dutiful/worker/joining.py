"""How a worker introduces itself to the store."""

from __future__ import annotations

from dutiful.contract.release import release
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.core.lease import Lease
from dutiful.services.process import Process

from .options import WorkerOptions


def introduce(worker: str, options: WorkerOptions, lease: Lease, process: Process) -> WorkerInfo:
    """Return what the store is to know of a worker of this process."""
    host, pid, born = process.identity()
    return WorkerInfo(
        id=worker,
        queues=tuple(queue.name for queue in options.queues),
        concurrency=options.concurrency,
        lease=lease.length,
        host=host,
        pid=pid,
        born=born,
        version=release(),
    )
