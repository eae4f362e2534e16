"""Carries events from where they happen to the listeners."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from dutiful.contract.meter import Meter
from dutiful.core.event import Emit, Event

Kinds = frozenset[type[Any]]
_LOG = logging.getLogger("dutiful")


class Bus:
    """Calls every listener with every event, in the thread in which it happened."""

    def __init__(self) -> None:
        """Start without listeners."""
        self._listeners: tuple[tuple[Emit, Kinds], ...] = ()
        self._unheard: Kinds = frozenset()
        self.meter = Meter()
        """Carries measurements, of which there are too many for every listener."""

    def subscribe(self, listener: Emit, *, ignores: Kinds = frozenset()) -> Callable[[], None]:
        """Add a listener, which must be quick and may be called from any thread.

        It is not called with events of the types that it ``ignores``. Returns a function that
        removes it.
        """
        self._set((*self._listeners, (listener, ignores)))

        def leave() -> None:
            self._set(tuple(one for one in self._listeners if one[0] is not listener))

        return leave

    def hears(self, kind: type[Any]) -> bool:
        """Whether a listener takes events of a type, so that one need be made for each job."""
        return kind not in self._unheard

    def _set(self, listeners: tuple[tuple[Emit, Kinds], ...]) -> None:
        self._listeners = listeners
        kinds = [ignored for _, ignored in listeners]
        self._unheard = kinds[0].intersection(*kinds[1:]) if kinds else frozenset()

    def emit(self, event: Event) -> None:
        """Call every listener; one that raises is logged, and the others are still called."""
        for listener, ignored in self._listeners:
            if type(event) in ignored:
                continue
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener's fault must not become a job's
                with suppress(Exception):  # a task may have broken logging itself
                    _LOG.exception("a listener failed on %s", type(event).__name__)
