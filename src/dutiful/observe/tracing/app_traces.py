"""The traces of one app: whether this process makes them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from dutiful.config import Settings
from dutiful.contract.tracer import Tracer
from dutiful.core.errors import UsageError
from dutiful.core.event import Notice
from dutiful.observe.bus import Bus

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_MISSING = "opentelemetry-api, which is not installed; install dutiful[otel]"
Use = Callable[[Tracer], None]


class AppTraces:
    """Makes spans of enqueues, attempts and steps, once `export` or the setting asks for them."""

    def __init__(self, bus: Bus, use: Use) -> None:
        """Trace nothing yet; ``use`` is called with what traces from then on."""
        self._bus, self._use = bus, use
        self._starting = threading.RLock()
        self._end: Callable[[], None] | None = None
        self._looked = False

    def export(self, provider: TracerProvider | None = None) -> None:
        """Trace by OpenTelemetry from now on; the provider is the global one by default.

        UsageError without opentelemetry-api. A second call changes the provider.
        """
        try:
            from .otel_tracer import OpenTelemetryTracer
        except ImportError as error:
            raise UsageError(f"this needs {_MISSING}") from error
        with self._starting:
            made = OpenTelemetryTracer(provider, self._report)
            leave = self._bus.subscribe(made.attempts.take, ignores=made.attempts.ignores)
            self._use(made)
            before, self._looked = self._end, True

            def end() -> None:
                leave()
                made.attempts.close()

            self._end = end
        if before is not None:
            before()

    def heed(self, settings: Settings) -> None:
        """Do what the setting says, the first time; without the library that is only reported."""
        if settings.traces != "on":
            return
        with self._starting:
            if self._looked:
                return
            self._looked = True
        try:
            self.export()
        except Exception as error:  # noqa: BLE001 - a setting of traces must not cost a job
            text = _MISSING if isinstance(error, UsageError) else f"a provider that works: {error}"
            self._report(f"nothing is traced: traces=on needs {text}")

    def _report(self, text: str) -> None:
        self._bus.emit(Notice(text))
