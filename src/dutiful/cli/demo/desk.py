"""The store as the demo uses it: enqueue, look, count, redrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from dutiful.cli.demo.orders import Order
from dutiful.client.task import Task
from dutiful.contract.facade import Store
from dutiful.contract.fleet import WorkerStatus
from dutiful.contract.page import Filter
from dutiful.contract.protocol import Redrive
from dutiful.core.job import Job, NewJob
from dutiful.core.state import State

PAGE = 500
LOST = "WorkerLost"
"""The type of the error that a dead worker's attempt leaves behind."""


class Tally(msgspec.Struct, frozen=True):
    """What the store knows after the run."""

    attempts: int
    rescued: int
    dead: int


def jobs_of(charge: Task[..., Any, Any], orders: Iterable[Order]) -> Iterable[NewJob]:
    """Build the charge of each order."""
    return (charge.job(order.order_id, order.card, order.cents, order.currency) for order in orders)


class Desk:
    """Asks the store on the demo's behalf; everything it needs stands in the contract."""

    def __init__(self, store: Store) -> None:
        """Work on an open store."""
        self.store = store

    async def counts(self) -> dict[State, int]:
        """Count the jobs by state."""
        total: Counter[State] = Counter()
        for queue in await self.store.inspector.queues():
            total.update(queue.counts)
        return dict(total)

    async def workers(self) -> dict[int, WorkerStatus]:
        """Return the workers by process number."""
        return {status.info.pid: status for status in await self.store.fleet.workers()}

    async def taken_over(self) -> int:
        """Count the jobs whose latest error is the loss of their worker; cheap, for the screen."""
        page = await self.store.inspector.find(Filter(error_type=LOST), PAGE)
        return len(page.jobs)

    async def redrive(self) -> int:
        """Send every dead letter back and return how many there were."""
        changed = 0
        while True:
            page = await self.store.inspector.find(Filter(states=(State.DEAD,)), PAGE)
            sent = await self.store.controller.redrive([Redrive(job.id) for job in page.jobs])
            changed += len(sent)
            if not sent:
                return changed

    async def tally(self) -> Tally:
        """Count attempts and rescued jobs from what each job left behind."""
        attempts = rescued = dead = 0
        async for job in self._jobs():
            done = job.state is State.SUCCEEDED
            attempts += done
            dead += job.state is State.DEAD
            if done and job.attempt == 1 and job.redriven_at is None:
                continue  # it succeeded at once: there are no errors to read
            errors = await self.store.inspector.errors(job.id)
            attempts += len(errors)
            rescued += any(error.type == LOST for error in errors)
        return Tally(attempts, rescued, dead)

    async def _jobs(self) -> AsyncIterator[Job]:
        cursor: str | None = None
        while True:
            page = await self.store.inspector.find(Filter(), PAGE, cursor)
            for job in page.jobs:
                yield job
            cursor = page.cursor
            if cursor is None:
                return
