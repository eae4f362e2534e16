"""What tasks and handles need of the app they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dutiful.contract.facade import Store
from dutiful.contract.protocol import Receipt
from dutiful.core.job import NewJob

from .hooks import Hooks
from .portal import Portal


class Host(Protocol):
    """The app, as far as its client side goes."""

    hooks: Hooks

    @property
    def name(self) -> str:
        """The app's name in the store."""
        ...

    @property
    def store(self) -> Store:
        """The engine behind its facade; made when first needed."""
        ...

    @property
    def portal(self) -> Portal:
        """The thread that runs coroutines for sync callers."""
        ...

    @property
    def enqueue_patience(self) -> int:
        """How long to try to enqueue while the store cannot be used, in microseconds."""
        ...

    @property
    def opened(self) -> bool:
        """Whether the store is open."""
        ...

    @property
    def payload_bytes_max(self) -> int:
        """The largest arguments or result, in bytes of JSON."""
        ...

    async def aenqueue_jobs(
        self, jobs: Sequence[NewJob], connection: Any, patience: int | None
    ) -> tuple[Receipt, ...]:
        """Store built jobs, after the hooks around enqueue."""
        ...

    def enqueue_jobs(
        self, jobs: Sequence[NewJob], connection: Any, patience: int | None
    ) -> tuple[Receipt, ...]:
        """Do what `aenqueue_jobs` does, from sync code."""
        ...

    async def ready(self) -> Store:
        """Open the engine if it is not, and return the store."""
        ...

    def at(self, url: str) -> None:
        """Point the app at another store, unless it is there already."""
        ...
