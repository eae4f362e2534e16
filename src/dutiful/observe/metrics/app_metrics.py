"""The metrics of one app: what this process counts, and who may read that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from dutiful.config import Settings
from dutiful.contract.clock import SystemClock
from dutiful.contract.facade import Store
from dutiful.contract.release import release
from dutiful.core.listen_address import address
from dutiful.observe.bus import Bus
from dutiful.observe.process_health import ProcessHealth

from .labels import QUEUES_MAX, STRANGERS_MAX, TASKS_MAX, LabelValues, printable
from .opentelemetry import observer_of
from .prometheus import registry_of, rendered
from .recorder import DeclaredTask, Recorder
from .series import Point, Points, Snapshot
from .store_gauges import INTERVAL, StoreReader, read_store
from .worker_vitals import WorkerVitals

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from prometheus_client import CollectorRegistry

    from dutiful.observe.http_server import HttpServer

Vitals = Callable[[], WorkerVitals]
Run = Callable[[Coroutine[None, None, Points]], Points]
_RECENT = 1.0
"""Seconds for which one snapshot serves all instruments of OpenTelemetry."""


class OpenedStore(Protocol):
    """The store of an app, as far as metrics go."""

    notices: tuple[str, ...] | None

    @property
    def made(self) -> Store | None:
        """The store, if anything has needed it so far."""
        ...

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Open the store, unless it is open."""
        ...


class AppMetrics:
    """Counts what this process does with an app, once `start` or a reader has asked for it.

    Reading never waits long, whatever the store does: see `StoreReader`. For any thread.
    """

    def __init__(
        self,
        bus: Bus,
        tasks: Mapping[str, DeclaredTask],
        lazy: OpenedStore,
        run: Run,
        settings: Callable[[], Settings] = Settings,
    ) -> None:
        """Count nothing yet; ``run`` awaits a reading of the store in a thread of the app's.

        ``settings`` returns those of the app.
        """
        self._settings = settings
        self._bus, self._tasks, self._lazy, self._run = bus, tasks, lazy, run
        self._starting = threading.Lock()
        self._recorder: Recorder | None = None
        self._workers: list[Vitals] = []
        self._task_labels = LabelValues(TASKS_MAX, tasks, STRANGERS_MAX)
        self._queue_labels = LabelValues(QUEUES_MAX)
        self._reader = StoreReader(self._read)
        self._recent: tuple[float, Snapshot] = (0.0, Snapshot())

    def start(self) -> Recorder:
        """Count from now on; a second call changes nothing."""
        with self._starting:
            if self._recorder is None:
                self._recorder = recorder = Recorder(self._tasks)
                self._bus.subscribe(recorder.take, ignores=recorder.uncounted)
                self._bus.meter.take = recorder.take
            return self._recorder

    @cached_property
    def registry(self) -> CollectorRegistry:
        """A registry of prometheus_client with these metrics alone; counting starts now.

        UsageError where prometheus_client is not installed.
        """
        made = registry_of(self.snapshot)
        self.start()
        return made

    def serve(self, where: str) -> HttpServer:
        """Serve metrics and health at ``HOST:PORT``, from a thread, until the server is closed.

        BadOption for an address that cannot be read, UsageError for one that is in use.
        """
        from dutiful.observe.http_server import HttpServer, bound

        registry = self.registry
        return HttpServer(bound(address(where)), partial(rendered, registry), self.health)

    def export(self, provider: MeterProvider | None = None) -> None:
        """Export by OpenTelemetry; the provider is the global one. UsageError without its API."""
        self.start().observer = observer_of(self._recent_snapshot, release(), provider)

    @contextmanager
    def shown(self, vitals: Vitals) -> Generator[None]:
        """Show a worker of this process for the length of a ``with`` block."""
        self._workers = [*self._workers, vitals]
        try:
            yield
        finally:
            self._workers = [one for one in self._workers if one is not vitals]

    def snapshot(self, *, process: str = "1", store: bool = True) -> Snapshot:
        """Return all numbers now; ``process`` names the worker, with a suffix for further ones.

        Without ``store``, the store is not read.
        """
        points = self.start().points()
        for number, vitals in enumerate(self._workers):
            name = f"{process}.{number}" if number else process
            for key, gauges in vitals().points(name, self._task_labels).items():
                points.setdefault(key, []).extend(gauges)
        made = self._lazy.made
        version = printable(self._settings().app_version or "")
        engine = "none" if made is None else printable(made.name)
        points["dutiful_build_info"] = [Point((release(), engine, version), 1.0)]
        reader = self._reader
        # A worker opens its store itself, which may take long.
        readable = made is not None and (self._lazy.notices is not None or not self._workers)
        found, read_at = reader.latest() if store and readable else ({}, 0.0)
        points["dutiful_store_readings_failed_total"] = [Point((), reader.failed)]
        if read_at:
            points["dutiful_store_reading_age_seconds"] = [Point((), monotonic() - read_at)]
        return Snapshot(points, found, read_at)

    def health(self) -> ProcessHealth:
        """Say how the workers of this process are; a process without any is healthy and ready."""
        found = [vitals() for vitals in self._workers]
        problems = tuple(problem for one in found for problem in one.problems)
        healthy = all(one.healthy for one in found)
        return ProcessHealth(healthy, healthy and all(one.ready for one in found), problems)

    def _read(self) -> Points:
        store = self._lazy.made
        return {} if store is None else self._run(self._aread(store))

    async def _aread(self, store: Store) -> Points:
        async with asyncio.timeout(INTERVAL):
            await self._lazy.open(create=False)
            now = SystemClock().now()
            reading = read_store(store, self._queue_labels, now, self._settings().retentions())
            return await store.meter.timed("read", reading)

    def _recent_snapshot(self) -> Snapshot:
        taken, snapshot = self._recent
        if monotonic() - taken > _RECENT:
            snapshot = self.snapshot()
            self._recent = (monotonic(), snapshot)
        return snapshot
