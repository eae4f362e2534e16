"""What the management interface needs of its app."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from dutiful.client.alerting import Alerting
from dutiful.client.app_protocol import AppProtocol
from dutiful.client.task import Task
from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.roles.inspector import Inspector
from dutiful.core.redaction import Path

T = TypeVar("T")

_CHANGES = (
    Capability.CANCEL,
    Capability.DELAY,
    Capability.PAUSE,
    Capability.PURGE,
    Capability.REDRIVE,
)
"""What the role of changing jobs by hand does."""


class ManagedApp(AppProtocol, Protocol):
    """The app, with the tasks that it knows."""

    tasks: dict[str, Task[..., Any, Any]]
    alerting: Alerting


async def existing(app: ManagedApp, *, create: bool = False) -> Store:
    """Return the open store; StoreUnusable where there is none, since its URL may be misspelt.

    What brings something into a store makes it (``create``), as an enqueue and a worker do; looking
    at one and changing what it holds does not.
    """
    await app.lazy.open(create=create)
    return app.store


class Part:
    """One part of the interface: it opens the store when needed, and runs the sync methods."""

    def __init__(self, app: ManagedApp) -> None:
        """Belong to an app; nothing is opened yet."""
        self._app = app

    async def _store(self, *needs: Capability) -> Store:
        """Return the open store; Unsupported, before any I/O, where it lacks a capability.

        StoreUnusable where there is no store yet.
        """
        for capability in needs:
            if capability in _CHANGES:
                self._app.store.controller(capability)
            self._app.store.require(capability)
        return await existing(self._app)

    def _sensitive(self, task: str) -> tuple[Path, ...]:
        """Return what the app's own code marks as sensitive in the jobs of a task, if it has it."""
        known = self._app.tasks.get(task)
        return () if known is None else known.signature.sensitive

    async def _inspector(self) -> Inspector:
        return (await self._store(Capability.INSPECT)).inspector

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._app.portal.run(coroutine)
