"""``app.workers``: who works, on what, and who fell silent; orders to them."""

from __future__ import annotations

import asyncio

from dutiful.client.options import Span, checked_flag
from dutiful.contract.capability import Capability
from dutiful.core.instant import SECOND, span
from dutiful.core.worker_report import Order

from .app_protocol import Part
from .reading import length
from .records import WorkerRecord, worker_record
from .worker_orders import Verb, carried_out, chosen, within
from .worker_records import Ordered

_LOOK = 0.2
"""Seconds between two looks at what workers report."""


class Workers(Part):
    """Looks at workers, and gives them orders.

    An order is for workers by their ids, or the beginnings of these, or for all of a ``host``, or
    for ``all``. It is stored in the worker's row, which the worker reads with each renewal of its
    lease. With ``wait`` the call returns when all have carried it out, or after that time.
    Every method has an async version, whose name begins with ``a``.
    """

    async def alist(self) -> tuple[WorkerRecord, ...]:
        """Return the workers, also lost ones that still hold jobs."""
        store = await self._store(Capability.FLEET)
        return tuple(worker_record(row) for row in await store.fleet.workers())

    async def aquiet(
        self,
        *names: str,
        host: str | None = None,
        all: bool = False,
        wait: Span | None = None,
    ) -> Ordered:
        """Let workers claim nothing more; jobs that run go on. It lasts until they are resumed.

        UnknownWorker for a name that no worker has, Unsupported where the store passes no orders.
        """
        return await self._order("quiet", names, host, all, wait)

    async def adrain(
        self,
        *names: str,
        host: str | None = None,
        all: bool = False,
        wait: Span | None = None,
    ) -> Ordered:
        """End workers as SIGTERM does: no new claims, and running jobs get the grace period.

        A supervisor (``-p``) does not replace a worker process that was drained; a service manager
        may. UnknownWorker and Unsupported as for `aquiet`.
        """
        return await self._order("drain", names, host, all, wait)

    async def aresume(
        self,
        *names: str,
        host: str | None = None,
        all: bool = False,
        wait: Span | None = None,
    ) -> Ordered:
        """Let workers claim jobs again; one that drains already goes on to its end.

        UnknownWorker and Unsupported as for `aquiet`.
        """
        return await self._order("resume", names, host, all, wait)

    def list(self) -> tuple[WorkerRecord, ...]:
        """Do what `alist` does, from sync code."""
        return self._run(self.alist())

    def quiet(
        self,
        *names: str,
        host: str | None = None,
        all: bool = False,
        wait: Span | None = None,
    ) -> Ordered:
        """Do what `aquiet` does, from sync code."""
        return self._run(self.aquiet(*names, host=host, all=all, wait=wait))

    def drain(
        self,
        *names: str,
        host: str | None = None,
        all: bool = False,
        wait: Span | None = None,
    ) -> Ordered:
        """Do what `adrain` does, from sync code."""
        return self._run(self.adrain(*names, host=host, all=all, wait=wait))

    def resume(
        self,
        *names: str,
        host: str | None = None,
        all: bool = False,
        wait: Span | None = None,
    ) -> Ordered:
        """Do what `aresume` does, from sync code."""
        return self._run(self.aresume(*names, host=host, all=all, wait=wait))

    async def _order(
        self,
        verb: Verb,
        names: tuple[str, ...],
        host: str | None,
        everyone: bool,
        wait: Span | None,
    ) -> Ordered:
        checked_flag(everyone, "all")
        patience = 0 if wait is None else span(wait)
        store = await self._store(Capability.FLEET, Capability.ORDERS)
        meant = chosen(await store.fleet.workers(), names, host, everyone)
        order: Order | None = None if verb == "resume" else verb
        given = await store.orders.order([one.info.id for one in meant], order)
        pending = set(given)
        loop = asyncio.get_running_loop()
        end = loop.time() + patience / SECOND
        while pending and loop.time() < end:
            await asyncio.sleep(_LOOK)  # the store announces no change of a worker
            known = {one.info.id: one for one in await store.fleet.workers()}
            pending = {worker for worker in pending if not carried_out(known.get(worker), verb)}
        return Ordered(
            order=verb,
            workers=given,
            within=length(within(meant)),
            pending=tuple(worker for worker in given if worker in pending),
        )
