"""The composition root: joins settings, an engine, tasks, hooks and listeners into one app."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Unpack, cast

from .client.alerting import Alerting
from .client.app_name import defining_module
from .client.enqueue import Enqueuer
from .client.hooks import HookDecorators, Hooks
from .client.lazy_store import LazyStore
from .client.options import Span
from .client.portal import Portal
from .client.registry import TaskRegistry
from .client.schedule_options import ScheduleOptions
from .client.schedules import AnyTask
from .client.task import Task
from .client.task_decorator import TaskDecorator
from .composition import engine_of
from .config import Settings
from .contract.beside import beside
from .contract.engine import Engine
from .contract.facade import Store
from .contract.roles.producer import Receipt
from .contract.tracer import Tracer
from .core.event import Event, Settled
from .core.job import NewJob
from .core.rule import Cron, Dst, Interval, Rule
from .core.url import public
from .manage.parts import ManagementParts
from .observe.bus import Bus
from .observe.log import UNLOGGED, log
from .observe.metrics.app_metrics import AppMetrics
from .observe.tracing.app_traces import AppTraces


class App(HookDecorators, ManagementParts):
    """One set of tasks on one store; several may live in one process.

    The URL says which engine: ``sqlite:///jobs.db``, ``memory://``. Without one, ``DUTIFUL_URL``
    or ``[tool.dutiful]`` says it when the store is first needed. Other settings are those of
    `Settings`, by name.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        engine: Engine | None = None,
        version: str | None = None,
        **settings: Any,
    ) -> None:
        """Make an app; nothing is opened yet. ``version`` is the setting ``app_version``."""
        if version is not None:
            settings["app_version"] = version
        self._module = defining_module()
        self.bus = Bus()
        self.bus.subscribe(self._log, ignores=UNLOGGED)
        self.traces = AppTraces(self.bus, self._trace_by)
        """The spans of this process, for OpenTelemetry."""
        heed = self.traces.heed
        self.lazy = LazyStore(url, settings, engine_of, self.bus.emit, self.bus.meter, heed)
        self.portal = Portal()
        self.alerting = Alerting()
        self.hooks = Hooks(lambda: self.settings.payload_bytes_max, self.portal.run)
        self.enqueuer = Enqueuer(self)
        self._registry = TaskRegistry(self.enqueuer)
        self.tasks = self._registry.tasks
        self.metrics = AppMetrics(
            self.bus, self.tasks, self.lazy, self.portal.run, lambda: self.settings
        )
        """What this process does with the app, counted for Prometheus and OpenTelemetry."""
        if engine is not None:
            self.lazy.use(engine)

    def _log(self, event: Event) -> None:
        log(event, self.lazy.slow_after if type(event) is Settled else None)

    def _trace_by(self, tracer: Tracer) -> None:
        self.hooks.tracer = tracer

    @property
    def settings(self) -> Settings:
        """The settings, gathered when first needed."""
        return self.lazy.settings

    @property
    def store(self) -> Store:
        """The engine behind its facade; made, not opened, when first needed."""
        return self.lazy.store

    @property
    def name(self) -> str:
        """What the store knows the app by: the setting, or the module that made it."""
        return self.settings.name or self._module

    @property
    def address(self) -> str | None:
        """Where another process reaches the store, if one can: the URL without its password."""
        return (url := self.child_url()) and public(url)

    def child_url(self) -> str | None:
        """Return the URL for a process of our own, with its password."""
        return self.lazy.child_url()

    def at(self, url: str) -> None:
        """Point the app at another store, unless it is there already; close it first."""
        self.lazy.at(url)

    def on(self, engine: Engine) -> AbstractContextManager[Store]:
        """Keep jobs in another engine for the length of a ``with`` block, as tests do."""
        return self.lazy.on(engine)

    @property
    def task(self) -> TaskDecorator:
        """Register a function: ``@app.task`` or ``@app.task(queue=..., retry=...)``."""
        return cast(TaskDecorator, self._registry.register)

    def cron(
        self,
        expression: str,
        *,
        tz: str = "UTC",
        dst: Dst | None = None,
        **given: Unpack[ScheduleOptions],
    ) -> Callable[[AnyTask], AnyTask]:
        """Declare a schedule by a cron expression; write it above ``@app.task``.

        Five fields, or six with the second first, on the clocks of ``tz``. Raises BadSchedule here
        and now for what cannot be read or never happens.
        """
        return self.schedules.decorator(Cron(expression, tz, dst), given)

    def every(
        self, period: Span, *, anchor: datetime | None = None, **given: Unpack[ScheduleOptions]
    ) -> Callable[[AnyTask], AnyTask]:
        """Declare a schedule with a fixed period, counted from ``anchor`` (1970), without drift."""
        return self.schedules.decorator(Interval.every(period, anchor=anchor), given)

    def schedule(
        self, rule: Rule, **given: Unpack[ScheduleOptions]
    ) -> Callable[[AnyTask], AnyTask]:
        """Declare a schedule by any rule: `Cron`, `Interval`, `Calendar` or `Dates`."""
        return self.schedules.decorator(rule, given)

    def find(self, name: str) -> Task[..., Any, Any]:
        """Return a registered task by its name; raises UnknownTask with the nearest names."""
        return self._registry.find(name)

    def enqueue_many(
        self,
        jobs: Iterable[NewJob],
        *,
        connection: Any = None,
        batch: int = 1000,
        patience: Span | None = None,
    ) -> int:
        """Store any number of jobs, streamed in batches, and return how many were new.

        ``app.enqueue_many(charge.job(id) for id in ids)``. The next batch is built while one is
        stored. Each batch is all or none; after an error, of the store or of ``jobs``, the batches
        before it are stored and none behind it. An engine without ATOMIC_BATCH may store a part of
        a batch: PartlyEnqueued names what was stored of it and what was not. ReplyUnknown leaves
        one batch in doubt. With ``connection`` all is the caller's to commit.
        ``patience`` is how long each batch is tried while the store cannot be used.
        """
        return self.enqueuer.many(jobs, connection, batch, patience)

    async def aenqueue_many(
        self,
        jobs: Iterable[NewJob] | AsyncIterable[NewJob],
        *,
        connection: Any = None,
        batch: int = 1000,
        patience: Span | None = None,
    ) -> int:
        """Do what `enqueue_many` does, from async code and also from an async iterable.

        Cancelled, it begins no other batch; the one under way may be stored or not.
        """
        return await self.enqueuer.amany(jobs, connection, batch, patience)

    def enqueue_jobs(
        self, jobs: Sequence[NewJob], connection: Any = None, patience: int | None = None
    ) -> tuple[Receipt, ...]:
        """Store one batch of built jobs from sync code; ``patience`` is in microseconds."""
        return self.enqueuer.batch(jobs, connection, patience)

    async def aenqueue_jobs(
        self, jobs: Sequence[NewJob], connection: Any = None, patience: int | None = None
    ) -> tuple[Receipt, ...]:
        """Do what `enqueue_jobs` does, from async code."""
        return await self.enqueuer.abatch(jobs, connection, patience)

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Open the store and return the engine's notices; opening twice is harmless.

        Without ``create``, StoreUnusable when there is no store yet.
        """
        return await self.lazy.open(create=create)

    @property
    def opened(self) -> bool:
        """Whether the store is open."""
        return self.lazy.notices is not None

    async def ready(self) -> Store:
        """Open the store if it is not, and return it."""
        await self.open()
        return self.store

    async def close(self) -> None:
        """Close the store and stop the portal; the app opens again when it is used again."""
        await self.lazy.close()
        await beside(self.portal.close)

    async def __aenter__(self) -> App:
        """Open the store."""
        await self.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close the store."""
        await self.close()
