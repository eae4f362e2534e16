"""What a worker needs of the app whose tasks it runs."""

from __future__ import annotations

from typing import Any, Protocol

from dutiful.client.hooks import Hooks
from dutiful.client.schedules import DeclaredSchedules
from dutiful.client.task import Task
from dutiful.config import Settings
from dutiful.contract.facade import Store
from dutiful.observe.bus import Bus


class WorkerApp(Protocol):
    """The part of the app that a worker uses."""

    tasks: dict[str, Task[..., Any, Any]]
    hooks: Hooks
    bus: Bus

    @property
    def name(self) -> str:
        """What the store knows the app by."""
        ...

    @property
    def schedules(self) -> DeclaredSchedules:
        """The schedules that the app's code declares."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings of the app."""
        ...

    @property
    def store(self) -> Store:
        """The engine behind its facade."""
        ...

    def child_url(self) -> str | None:
        """Return the URL by which a child process reaches the store; None if it cannot."""
        ...

    async def ready(self) -> Store:
        """Return the store; open the engine if it is not open."""
        ...

    async def open(self) -> tuple[str, ...]:
        """Open the engine and return its notices."""
        ...
