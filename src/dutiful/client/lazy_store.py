"""An app's settings and its store, each made when first needed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from dutiful.config import Settings, load_settings
from dutiful.contract.engine import Engine
from dutiful.contract.facade import Store
from dutiful.contract.meter import Meter
from dutiful.contract.reentry import insider, refuse_reentry
from dutiful.core.event import Emit


class LazyStore:
    """The store of an app: which one it is, and whether it is open."""

    def __init__(
        self,
        url: str | None,
        given: Mapping[str, Any],
        engine_of: Callable[[Settings], Engine],
        emit: Emit,
        meter: Meter,
        heed: Callable[[Settings], None],
    ) -> None:
        """Make nothing yet; ``engine_of`` makes the engine that the settings name.

        ``heed`` is called with the settings once they are known.
        """
        self._url = url
        self._given = given
        self._engine_of = engine_of
        self._emit = emit
        self._meter = meter
        self._heed = heed
        self._engine_given = False
        self.notices: tuple[str, ...] | None = None
        """What the engine said when it was opened; None while the store is not open."""

    @cached_property
    def settings(self) -> Settings:
        """The settings, gathered when first needed."""
        found = load_settings(self._url, **self._given)
        self._heed(found)
        return found

    @cached_property
    def slow_after(self) -> int | None:
        """The setting of this name, looked up for every job that ends."""
        return self.settings.slow_after

    @cached_property
    def store(self) -> Store:
        """The engine behind its facade; made, not opened, when first needed."""
        refuse_reentry()
        with insider():  # an engine is imported, which no handler may meet halfway
            return Store(self._engine_of(self.settings), self._emit, self._meter)

    @property
    def made(self) -> Store | None:
        """The store, if anything has needed it so far."""
        return vars(self).get("store")

    def use(self, engine: Engine) -> None:
        """Keep jobs in an engine that the caller has made."""
        self.store = Store(engine, self._emit, self._meter)
        self.notices, self._engine_given = None, True

    def at(self, url: str) -> None:
        """Change to the store at another URL, unless it is there already; close it first."""
        if self._url != url and self.settings.url != url:
            self._url, self.notices = url, None
            self._forget("settings", "slow_after", "store")

    @contextmanager
    def on(self, engine: Engine) -> Generator[Store]:
        """Keep jobs in another engine for the length of a ``with`` block."""
        before = vars(self).get("store"), self.notices, self._engine_given
        self.use(engine)
        try:
            yield self.store
        finally:
            self._forget("store")
            store, self.notices, self._engine_given = before
            if store is not None:
                self.store = store

    def child_url(self) -> str | None:
        """Return the URL for a process of our own, with its password; None where there is none."""
        return None if self._engine_given else self.settings.child_url()

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Open the store, unless it is open, and return the engine's notices."""
        if self.notices is None:
            self.notices = await self.store.engine.open(create=create)
        return self.notices

    async def close(self) -> None:
        """Close the store; it opens again when it is used again."""
        self.notices = None
        if "store" in vars(self):
            await self.store.engine.close()

    def _forget(self, *names: str) -> None:
        """Make ``settings`` or ``store`` again when it is next needed."""
        for name in names:
            vars(self).pop(name, None)
