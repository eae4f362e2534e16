"""Carries out what a worker is ordered to do, by `dutiful workers` or by the app's `workers`."""

from __future__ import annotations

from typing import Protocol

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.core.event import WorkerQuieted, WorkerResumed
from dutiful.core.worker_report import Order

from .condition import Condition
from .executor import Executor
from .heartbeat import Heartbeat


class OrderedWorker(Protocol):
    """A registration, as far as orders go."""

    worker: str
    store: Store
    executor: Executor

    @property
    def heartbeat(self) -> Heartbeat:
        """What renews the lease."""
        ...

    def stop(self) -> None:
        """Drain."""
        ...

    def look_again(self) -> None:
        """Claim again after a time without claims, or notice that claims are to end."""
        ...


class Obedience:
    """Applies the order that each renewal brings. Every method is called on the loop."""

    def __init__(self, registration: OrderedWorker, condition: Condition) -> None:
        """Take over from the registration before, which may have been quiet."""
        self._registration = registration
        self._condition = condition
        registration.executor.quiet = condition.quiet

    async def joined(self) -> None:
        """Pass the order of the registration before on to this one, which has another id."""
        store = self._registration.store
        if self._condition.quiet and store.can(Capability.ORDERS):
            await store.orders.order([self._registration.worker], "quiet")

    def obey(self, order: Order | None) -> None:
        """Do what the last renewal said; the same order again changes nothing."""
        registration, condition = self._registration, self._condition
        if order == "drain":
            if not condition.drained:
                condition.drained = True
                registration.stop()
            return
        quiet = order == "quiet"
        if quiet == condition.quiet or registration.executor.draining:
            return
        condition.quiet = registration.executor.quiet = quiet
        if quiet:
            registration.executor.release_prefetched()
            registration.store.emit(WorkerQuieted(registration.worker))
        else:
            registration.store.emit(WorkerResumed(registration.worker))
        registration.look_again()
        registration.heartbeat.renew_now()
