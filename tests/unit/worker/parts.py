"""The parts of a worker, put together without a session, a heart and a process."""

from __future__ import annotations

import asyncio
import random

from dutiful import App
from dutiful.contract.clock import Clock
from dutiful.core.job import Claim, Job
from dutiful.core.queue import Served
from dutiful.core.settle import Rules
from dutiful.core.state import State
from dutiful.services.trouble import OutageReport
from dutiful.testing.clock import FakeClock
from dutiful.worker.executor import Executor
from dutiful.worker.fetch_loop import FetchLoop
from dutiful.worker.job_leases import JobLeases
from dutiful.worker.store_retry import StoreRetry

WORKER = "w"


def claim(job_id: str, task: str = "task", *, crashes: int = 0, started_at: int = 1) -> Claim:
    return Claim(
        Job(
            id=job_id,
            task=task,
            queue="default",
            state=State.RUNNING,
            priority=0,
            args=b"{}",
            attempt=crashes + 1,
            max_attempts=20,
            enqueued_at=0,
            run_at=0,
            started_at=started_at,
            crashes=crashes,
            fence=1,
            worker=WORKER,
        )
    )


class Parts:
    """The slots of a worker and the fetch loop that fills them, on an app that is open."""

    def __init__(
        self,
        app: App,
        slots: int = 10,
        *,
        clock: Clock | None = None,
        leases: JobLeases | None = None,
    ) -> None:
        rng, changed = random.Random(1), asyncio.Event()
        clock = clock or FakeClock()
        self.store_retry = StoreRetry(OutageReport(app.bus.emit, clock.ticks), rng)
        self.executor = Executor(
            app,
            slots,
            clock=clock,
            valid=lambda: True,
            changed=changed.set,
            store_retry=self.store_retry,
            leases=leases,
        )
        self.fetch_loop = FetchLoop(
            app.store,
            WORKER,
            self.executor,
            queues=(Served("default"),),
            poll=1.0,
            rng=rng,
            rules=lambda task: Rules(),
            changed=changed,
            store_retry=self.store_retry,
            burst=False,
        )
