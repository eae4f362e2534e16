"""Reports at a worker's start that jobs are due in queues that no worker serves."""

from __future__ import annotations

import asyncio

from dutiful.contract.capability import Capability
from dutiful.contract.coverage import unserved
from dutiful.contract.facade import Store
from dutiful.core.errors import EngineError
from dutiful.core.event import Event, QueuesUnserved, WorkerJoined
from dutiful.observe.log import UNLOGGED

from .app_protocol import WorkerApp


class UnservedQueues:
    """Counts all jobs once after each registration of a worker, in the background."""

    def __init__(self, app: WorkerApp) -> None:
        """Subscribe to the app's bus; create it on the loop."""
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._looks: set[asyncio.Task[None]] = set()
        self._leave = app.bus.subscribe(self._heard, ignores=UNLOGGED)

    async def close(self) -> None:
        """Unsubscribe, and stop counting."""
        self._leave()
        for look in self._looks:
            look.cancel()
        await asyncio.gather(*self._looks, return_exceptions=True)

    def _heard(self, event: Event) -> None:
        if isinstance(event, WorkerJoined):
            self._loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        look = self._loop.create_task(_look(self._app.store))
        self._looks.add(look)
        look.add_done_callback(self._looks.discard)


async def _look(store: Store) -> None:
    if not (store.can(Capability.INSPECT) and store.can(Capability.FLEET)):
        return
    try:
        workers, queues = await store.fleet.workers(), await store.inspector.queues()
    except EngineError:  # the worker meets the same outage and reports it
        return
    if waiting := unserved(workers, queues):
        store.emit(QueuesUnserved(waiting))
