"""The role of passing orders to workers; what they report travels with their renewals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dutiful.core.worker_report import Order


class FleetOrders(Protocol):
    """Ordering workers to claim nothing, to end, or to serve again.

    An engine that has this role also keeps the ``report`` that `Leases.renew` is given, shows it
    and the order in `Fleet.workers`, and answers a renewal with the worker's order.
    """

    async def order(self, workers: Sequence[str], order: Order | None) -> tuple[str, ...]:
        """Store an order for workers, None to take it back; return those that it was stored for.

        Left out are workers that are not registered, and those that were declared lost.
        Atomicity: one write for all. The last order counts. On lost reply: order again.
        """
        ...
