"""What tasks and handles need of the app they belong to."""

from __future__ import annotations

from typing import Protocol

from dutiful.config import Settings
from dutiful.contract.facade import Store

from .hooks import Hooks
from .lazy_store import LazyStore
from .portal import Portal


class AppProtocol(Protocol):
    """The app, as far as its client side goes."""

    hooks: Hooks
    lazy: LazyStore

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
    def settings(self) -> Settings:
        """The settings, gathered when first needed."""
        ...

    async def ready(self) -> Store:
        """Open the engine if it is not, and return the store."""
        ...

    def at(self, url: str) -> None:
        """Point the app at another store, unless it is there already."""
        ...
