"""Whether single workers and queues are well, for probes; each costs one or two small reads."""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract.capability import Capability
from dutiful.contract.coverage import of_age, of_worker
from dutiful.contract.facade import Store
from dutiful.contract.page import Finding, QueueCount
from dutiful.core.errors import UnknownWorker
from dutiful.services.process import host

from .worker_orders import named


async def probe_workers(store: Store, names: Sequence[str], *, here: bool) -> tuple[Finding, ...]:
    """Judge workers by their ids or the beginnings of these, and with ``here`` those of this host.

    A worker that is not there is a bad finding, not an error: a probe asks just that.
    """
    store.require(Capability.FLEET)
    workers = await store.fleet.workers()
    found: list[Finding] = []
    for name in names:
        try:
            found.append(of_worker(named({one.info.id: one for one in workers}, name)))
        except UnknownWorker as error:
            found.append(Finding(f"worker {name}", False, str(error)))
    if here:
        # In a container the name of the host also says which container.
        local = [one for one in workers if host() and one.info.host == host() and not one.lost]
        found += [of_worker(one) for one in local]
        if not local:
            text = "no worker runs on this host, or in this container"
            found.append(Finding("workers here", False, text))
    return tuple(found)


async def probe_queues(
    store: Store, names: Sequence[str], age_max: int | None, now: int
) -> tuple[Finding, ...]:
    """Judge queues: each is served if it holds due jobs, and the oldest is young enough.

    ``age_max`` in microseconds. ``now`` is this host's clock, for a store that does not say its
    own. A queue that the store does not know holds no jobs.
    """
    store.require(Capability.INSPECT)
    if store.can(Capability.SCHEDULES):
        now = (await store.schedules.due(0)).now
    workers = await store.fleet.workers() if store.can(Capability.FLEET) else ()
    counts = {row.queue: row for row in await store.inspector.queues()}
    return tuple(
        of_age(counts.get(name, QueueCount(name, {})), workers, now, age_max) for name in names
    )
