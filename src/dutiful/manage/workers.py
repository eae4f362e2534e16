"""``app.workers``: who works, on what, and who fell silent."""

from __future__ import annotations

from dutiful.contract.capability import Capability

from .app_protocol import Part
from .records import WorkerRecord, worker_record


class Workers(Part):
    """Looks at workers."""

    async def alist(self) -> tuple[WorkerRecord, ...]:
        """Return the workers, also lost ones that still hold jobs."""
        store = await self._store(Capability.FLEET)
        return tuple(worker_record(row) for row in await store.fleet.workers())

    def list(self) -> tuple[WorkerRecord, ...]:
        """Do what `alist` does, from sync code."""
        return self._run(self.alist())
