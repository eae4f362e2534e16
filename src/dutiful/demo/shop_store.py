"""The store as the demo uses it: enqueue, look, count, redrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

import msgspec

from dutiful.client.task import Task
from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.page import Filter
from dutiful.contract.roles.alert_store import AlertKind
from dutiful.contract.roles.controller import Redrive
from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.contract.roles.schedule_store import KEPT_MAX
from dutiful.core.alerting.incident import Incident, read
from dutiful.core.job import Job, NewJob
from dutiful.core.occurrence import Recorded, Standing
from dutiful.core.state import State
from dutiful.demo.orders import Order
from dutiful.demo.schedule_verdict import NAME, QUEUE

PAGE = 500
CHARGES = "payments"
"""The queue of the charges; what the schedule makes is counted apart."""
ALERT = "charges-given-up"
"""The rule of the shop's tasks that its workers evaluate."""
LOST = "WorkerLost"
"""The type of the error that a dead worker's attempt leaves behind."""


class AlertCounts(NamedTuple):
    """What became of the alert about charges that are dead letters."""

    fired: int = 0
    """How often it fired."""
    resolved: int = 0


class Tally(msgspec.Struct, frozen=True):
    """What the store knows after the run."""

    attempts: int
    rescued: int
    dead: int


def jobs_of(charge: Task[..., Any, Any], orders: Iterable[Order]) -> Iterable[NewJob]:
    """Build the charge of each order."""
    return (charge.job(order.order_id, order.card, order.cents, order.currency) for order in orders)


class ShopStore:
    """Asks the store on the demo's behalf; everything it needs stands in the contract."""

    def __init__(self, store: Store) -> None:
        """Work on an open store."""
        self.store = store

    async def counts(self) -> dict[State, int]:
        """Count the charges by state."""
        total: Counter[State] = Counter()
        for queue in await self.store.inspector.queues():
            if queue.queue == CHARGES:
                total.update(queue.counts)
        return dict(total)

    async def pause_schedule(self) -> Standing:
        """Stop the schedule, and return where it stands."""
        await self.store.schedules.switch([NAME], "pause")
        (standing,) = await self.store.schedules.standings([NAME])
        return standing

    async def cashing_up(self) -> bool:
        """Whether jobs of the schedule have not ended."""
        queues = await self.store.inspector.queues()
        return any(
            number and not state.final
            for queue in queues
            if queue.queue == QUEUE
            for state, number in queue.counts.items()
        )

    async def history(self) -> tuple[Recorded, ...]:
        """Return the schedule's occurrences as the store knows them."""
        return await self.store.schedules.occurrences(NAME, KEPT_MAX)

    async def workers(self) -> dict[int, WorkerStatus]:
        """Return the workers by process number."""
        return {status.info.pid: status for status in await self.store.fleet.workers()}

    async def taken_over(self) -> int:
        """Count the charges whose latest error is the loss of their worker; cheap, for a screen."""
        page = await self.store.inspector.find(Filter(queues=(CHARGES,), error_type=LOST), PAGE)
        return len(page.jobs)

    async def alerts(self) -> AlertCounts:
        """Count in the store what the workers have decided about the alert."""
        found = await self.store.alerts.entries((AlertKind.INCIDENT, AlertKind.PAST))
        read_ones = (read(Incident, row.key, row.version, row.body) for row in found.entries)
        states = [one.state for one in read_ones if isinstance(one, Incident) and one.rule == ALERT]
        resolved = states.count("resolved")
        return AlertCounts(resolved + states.count("firing"), resolved)

    async def redrive(self) -> int:
        """Send every dead letter back and return how many there were."""
        changed = 0
        while True:
            page = await self.store.inspector.find(
                Filter(queues=(CHARGES,), states=(State.DEAD,)), PAGE
            )
            sent = await self.store.controller(Capability.REDRIVE).redrive(
                [Redrive(job.id) for job in page.jobs]
            )
            changed += len(sent)
            if not sent:
                return changed

    async def tally(self) -> Tally:
        """Count attempts and rescued jobs from what each charge left behind."""
        attempts = rescued = dead = 0
        async for job in self._jobs():
            done = job.state is State.SUCCEEDED
            attempts += done
            dead += job.state is State.DEAD
            if done and job.attempt == 1 and job.redriven_at is None:
                continue  # it succeeded at the first attempt: there are no errors to read
            errors = await self.store.inspector.errors(job.id)
            attempts += len(errors)
            rescued += any(error.type == LOST for error in errors)
        return Tally(attempts, rescued, dead)

    async def _jobs(self) -> AsyncIterator[Job]:
        cursor: str | None = None
        while True:
            page = await self.store.inspector.find(Filter(queues=(CHARGES,)), PAGE, cursor)
            for job in page.jobs:
                yield job
            cursor = page.cursor
            if cursor is None:
                return
