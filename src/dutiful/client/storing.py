"""Stores built jobs for an app: opens the store when first needed, and repeats on an outage."""

from __future__ import annotations

from collections.abc import Sequence

from dutiful.contract.capability import Capability
from dutiful.contract.protocol import Receipt
from dutiful.core.job import NewJob

from .host import Host
from .insist import ainsist, insist


def store(app: Host, jobs: Sequence[NewJob], patience: int | None) -> tuple[Receipt, ...]:
    """Store jobs from sync code; ``patience`` is in microseconds, None is the app's."""

    def once() -> tuple[Receipt, ...]:
        if app.store.can(Capability.SYNC_ENQUEUE):  # such an engine opens itself, in this thread
            return app.store.enqueue_sync(jobs)
        if not app.opened:
            app.portal.run(app.ready())
        return app.portal.run(app.store.enqueue(jobs))

    return insist(once, app.enqueue_patience if patience is None else patience)


async def astore(app: Host, jobs: Sequence[NewJob], patience: int | None) -> tuple[Receipt, ...]:
    """Do what `store` does, from async code."""

    async def once() -> tuple[Receipt, ...]:
        if not app.opened:
            await app.ready()
        return await app.store.enqueue(jobs)

    return await ainsist(once, app.enqueue_patience if patience is None else patience)
