"""The composition root: joins settings, an engine, tasks, hooks and listeners into one app."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterable, Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Unpack, cast

from .client.batches import achunks, aoverlapped, chunks, overlapped
from .client.birthplace import made_in
from .client.check import ENQUEUE_OPTIONS, check, name_for, timeouts
from .client.declare import Declaring, TaskDecorator
from .client.hooks import HookDecorators, Hooks
from .client.looping import refuse_on_loop
from .client.options import Options, refine
from .client.origin import advice_for, both
from .client.portal import Portal
from .client.rules import Scheduling
from .client.rules import Span as Period
from .client.schedules import AnyTask
from .client.signature import Signature
from .client.storing import astore, store
from .client.task import Spec, Task, isolation_of
from .composition import engine_of
from .config import Settings, load_settings
from .contract.beside import beside
from .contract.facade import Store
from .contract.producing import created
from .contract.protocol import Lifecycle, Receipt
from .contract.reentry import Entering
from .core.admission import admit
from .core.errors import DuplicateTask, UnknownTask
from .core.instant import span
from .core.job import NewJob
from .core.retry import Retry
from .core.rule import Cron, Dst, Interval, Rule
from .core.text import shown
from .core.url import public
from .manage.parts import ManagementParts
from .observe.bus import Bus
from .observe.log import log


class App(HookDecorators, ManagementParts):
    """One set of tasks on one store; several may live in one process.

    The URL says which engine: ``sqlite:///jobs.db``, ``memory://``. Without one, ``DUTIFUL_URL``
    or ``[tool.dutiful]`` says it when the store is first needed. Other settings are those of
    `Settings`, by name.
    """

    def __init__(
        self, url: str | None = None, *, engine: Lifecycle | None = None, **settings: Any
    ) -> None:
        """Make an app; nothing is opened yet."""
        self._url = url
        self._module = made_in()
        self._given = settings
        self._settings: Settings | None = None
        self._store: Store | None = None
        self._opened: tuple[str, ...] | None = None
        self.tasks: dict[str, Task[..., Any, Any]] = {}
        self.bus = Bus()
        self.bus.subscribe(log)
        self.portal = Portal()
        self.hooks = Hooks(lambda: self.payload_bytes_max, self.portal.run)
        self._engine_given = engine is not None
        if engine is not None:
            self._store = Store(engine, self.bus.emit)

    @property
    def settings(self) -> Settings:
        """The settings, gathered when first needed."""
        if self._settings is None:
            self._settings = load_settings(self._url, **self._given)
        return self._settings

    @property
    def name(self) -> str:
        """What the store knows the app by: the setting, or the module that made it."""
        return self.settings.name or self._module

    @property
    def payload_bytes_max(self) -> int:
        """The largest arguments or result, in bytes of JSON."""
        return self.settings.payload_bytes_max

    @property
    def enqueue_patience(self) -> int:
        """How long to try to enqueue while the store cannot be used, in microseconds."""
        return self.settings.enqueue_patience

    @property
    def store(self) -> Store:
        """The engine behind its facade; made, not opened, when first needed."""
        if self._store is None:
            with Entering():  # an engine is imported, which no handler may meet halfway
                self._store = Store(engine_of(self.settings), self.bus.emit)
        return self._store

    @property
    def address(self) -> str | None:
        """Where another process reaches the store, if one can: the URL without its password."""
        return (url := self.child_url()) and public(url)

    def child_url(self) -> str | None:
        """Return the URL for a process of our own, with its password."""
        return None if self._engine_given else self.settings.child_url()

    def at(self, url: str) -> None:
        """Point the app at another store, unless it is there already; close it first."""
        if self._url != url and self.settings.url != url:
            self._url, self._settings, self._store, self._opened = url, None, None, None

    @contextmanager
    def on(self, engine: Lifecycle) -> Generator[Store]:
        """Keep jobs in another engine for the length of a ``with`` block, as tests do."""
        before = self._store, self._opened, self._engine_given
        self._store, self._opened = Store(engine, self.bus.emit), None
        self._engine_given = True
        try:
            yield self._store
        finally:
            self._store, self._opened, self._engine_given = before

    @property
    def task(self) -> TaskDecorator:
        """Register a function: ``@app.task`` or ``@app.task(queue=..., retry=...)``."""
        return cast(TaskDecorator, self._task)

    def cron(
        self,
        expression: str,
        *,
        tz: str = "UTC",
        dst: Dst | None = None,
        **given: Unpack[Scheduling],
    ) -> Callable[[AnyTask], AnyTask]:
        """Declare a schedule by a cron expression; write it above ``@app.task``.

        Five fields, or six with the second first, on the clocks of ``tz``. Raises BadSchedule here
        and now for what cannot be read or never happens.
        """
        return self.schedules.decorator(Cron(expression, tz, dst), given)

    def every(
        self, period: Period, *, anchor: datetime | None = None, **given: Unpack[Scheduling]
    ) -> Callable[[AnyTask], AnyTask]:
        """Declare a schedule with a fixed period, counted from ``anchor`` (1970), without drift."""
        return self.schedules.decorator(Interval.every(period, anchor=anchor), given)

    def schedule(self, rule: Rule, **given: Unpack[Scheduling]) -> Callable[[AnyTask], AnyTask]:
        """Declare a schedule by any rule: `Cron`, `Interval`, `Calendar` or `Dates`."""
        return self.schedules.decorator(rule, given)

    def find(self, name: str) -> Task[..., Any, Any]:
        """Return a registered task by its name; raises UnknownTask with the nearest names."""
        if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance] - untyped
            raise UnknownTask(f"{shown(name)} is not a task name; give text")
        try:
            return self.tasks[name]
        except KeyError:
            near = difflib.get_close_matches(name, self.tasks, n=3)
            known = ", ".join(sorted(self.tasks)[:10]) or "none; register one with @app.task"
            hint = f"; did you mean {' or '.join(near)}?" if near else f"; there are {known}"
            raise UnknownTask(f"no task is called {name!r}{hint}") from None

    def enqueue_many(
        self,
        jobs: Iterable[NewJob],
        *,
        connection: Any = None,
        batch: int = 1000,
        patience: Period | None = None,
    ) -> int:
        """Store any number of jobs, streamed in batches, and return how many were new.

        ``app.enqueue_many(charge.job(id) for id in ids)``. The next batch is built while one is
        stored. Each batch is all or none; after an error, of the store or of ``jobs``, the batches
        before it are stored and none behind it. With ``connection`` all is the caller's to commit.
        ``patience`` is how long each batch is tried while the store cannot be used.
        """
        waits = None if patience is None else span(patience)
        if connection is None:
            refuse_on_loop("enqueue_many")
        else:
            return sum(
                created(self.enqueue_jobs(admit(part), connection)) for part in chunks(jobs, batch)
            )
        parts = map(self.hooks.before, map(admit, chunks(jobs, batch)))
        return overlapped(parts, batch, lambda part: created(store(self, part, waits)))

    async def aenqueue_many(
        self,
        jobs: Iterable[NewJob] | AsyncIterable[NewJob],
        *,
        connection: Any = None,
        batch: int = 1000,
        patience: Period | None = None,
    ) -> int:
        """Do what `enqueue_many` does, from async code and also from an async iterable.

        Cancelled, it begins no other batch; the one under way may be stored or not.
        """
        waits = None if patience is None else span(patience)

        async def each(part: list[NewJob]) -> int:
            return created(await self.aenqueue_jobs(admit(part), connection, waits))

        parts = achunks(jobs, batch)
        if connection is not None:
            return sum([await each(part) async for part in parts])
        return await aoverlapped(parts, each)

    async def aenqueue_jobs(
        self, jobs: Sequence[NewJob], connection: Any = None, patience: int | None = None
    ) -> tuple[Receipt, ...]:
        """Store one batch of built jobs."""
        ready = await self.hooks.abefore(jobs) if self.hooks.on_enqueue else jobs
        if connection is not None:
            return await self.store.aenqueue_on(connection, ready)
        return await astore(self, ready, patience)

    def enqueue_jobs(
        self, jobs: Sequence[NewJob], connection: Any = None, patience: int | None = None
    ) -> tuple[Receipt, ...]:
        """Store one batch of built jobs from sync code."""
        ready = self.hooks.before(jobs)
        if connection is not None:
            return self.store.enqueue_on(connection, ready)
        return store(self, ready, patience)

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Open the store and return the engine's notices; opening twice is harmless.

        Without ``create``, StoreUnusable when there is no store yet.
        """
        if self._opened is None:
            self._opened = await self.store.engine.open(create=create)
        return self._opened

    @property
    def opened(self) -> bool:
        """Whether the store is open."""
        return self._opened is not None

    async def ready(self) -> Store:
        """Open the store if it is not, and return it."""
        await self.open()
        return self.store

    async def close(self) -> None:
        """Close the store and stop the portal; the app opens again when it is used again."""
        self._opened = None
        if self._store is not None:
            await self._store.engine.close()
        await beside(self.portal.close)

    async def __aenter__(self) -> App:
        """Open the store."""
        await self.open()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Close the store."""
        await self.close()

    def _task(self, fn: Callable[..., Any] | None = None, /, **given: Unpack[Declaring]) -> Any:
        if fn is None:
            return partial(self._task, **given)
        task = self._build(fn, given)
        other = self.tasks.get(task.name)
        if other is not None and not task.origin.again(other.origin):
            raise DuplicateTask(
                f"{both(other.origin, task.origin)} are both called {task.name!r}; "
                "give one name=..." + advice_for(task.__qualname__)
            )
        self.tasks[task.name] = task
        return task

    def _build(self, fn: Callable[..., Any], given: Declaring) -> Task[..., Any, Any]:
        while isinstance(fn, Task):  # of another app: this one runs the function itself
            fn = fn.fn
        check(fn, given)
        name = name_for(fn, given)
        retry = given.get("retry") or Retry()
        options = {key: value for key, value in given.items() if key in ENQUEUE_OPTIONS}
        timeout, hard = timeouts(given)
        spec = Spec(
            name=name,
            isolation=isolation_of(fn, given.get("cpu", False)),
            retry=retry.policy,
            timeout=timeout,
            hard_timeout=hard,
        )
        defaults = refine(Options(max_attempts=retry.policy.max_attempts), options)
        return Task(self, fn, spec, Signature(fn, name), defaults)
