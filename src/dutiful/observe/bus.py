"""Carries events from where they happen to whoever listens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress

from dutiful.core.event import Emit, Event

_LOG = logging.getLogger("dutiful")


class Bus:
    """Calls every listener with every event, in the thread in which it happened."""

    def __init__(self) -> None:
        """Start with nobody listening."""
        self._listeners: tuple[Emit, ...] = ()

    def subscribe(self, listener: Emit) -> Callable[[], None]:
        """Add a listener, which must be quick and may be called from any thread.

        Returns a function that takes it off again.
        """
        self._listeners = (*self._listeners, listener)

        def leave() -> None:
            self._listeners = tuple(other for other in self._listeners if other is not listener)

        return leave

    def emit(self, event: Event) -> None:
        """Tell everybody; a listener that raises is logged and stops nobody."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener's fault must not become a job's
                with suppress(Exception):  # a task may have broken logging itself
                    _LOG.exception("a listener failed on %s", type(event).__name__)
