"""``app.queues``: what each queue holds; pausing and resuming."""

from __future__ import annotations

from difflib import get_close_matches

import msgspec

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.core.queue import queue_name

from .app_protocol import Part
from .records import QueueRecord, queue_record


class Switched(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a queue that was paused or resumed."""

    queue: str
    paused: bool
    known: bool
    """Whether a job is in the queue or a worker serves it; if not, its name may be misspelt.

    True where the engine can find out neither.
    """
    near: str | None = None
    """The known queue whose name is most similar, where this one is not known."""


class Queues(Part):
    """Looks at queues, and pauses and resumes them.

    Every method has an async version, whose name begins with ``a``.
    """

    async def alist(self) -> tuple[QueueRecord, ...]:
        """Count the jobs of each queue and state; paused queues without jobs are included."""
        return tuple(queue_record(row) for row in await (await self._inspector()).queues())

    async def apause(self, name: str) -> Switched:
        """Stop workers from taking jobs of a queue; jobs that run go on.

        The queue stays paused until it is resumed, and need not have jobs yet.
        """
        return await self._switch(name, pause=True)

    async def aresume(self, name: str) -> Switched:
        """Let workers take jobs of a queue again; resuming an open queue changes nothing."""
        return await self._switch(name, pause=False)

    def list(self) -> tuple[QueueRecord, ...]:
        """Do what `alist` does, from sync code."""
        return self._run(self.alist())

    def pause(self, name: str) -> Switched:
        """Do what `apause` does, from sync code."""
        return self._run(self.apause(name))

    def resume(self, name: str) -> Switched:
        """Do what `aresume` does, from sync code."""
        return self._run(self.aresume(name))

    async def _switch(self, name: str, *, pause: bool) -> Switched:
        queue = queue_name(name)
        store = await self._store(Capability.PAUSE)
        names = await _known(store, paused=not pause)
        controller = store.controller(Capability.PAUSE)
        await (controller.pause(queue) if pause else controller.resume(queue))
        near = () if queue in names else get_close_matches(queue, sorted(names), 1)
        seen = store.can(Capability.INSPECT) or store.can(Capability.FLEET)
        return Switched(
            queue=queue,
            paused=pause,
            known=queue in names or not seen,
            near=next(iter(near), None),
        )


async def _known(store: Store, *, paused: bool) -> set[str]:
    """Name the queues that have jobs or workers; with ``paused`` also those that are paused."""
    names = set[str]()
    if store.can(Capability.FLEET):
        names |= {name for worker in await store.fleet.workers() for name in worker.info.queues}
    if store.can(Capability.INSPECT):
        names |= {
            row.queue
            for row in await store.inspector.queues()
            if any(row.counts.values()) or (paused and row.paused_at is not None)
        }
    return names
