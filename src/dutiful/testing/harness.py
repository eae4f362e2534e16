"""Runs an app's jobs inside a test: in memory, on a clock that the test moves, in real JSON."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

import msgspec

from dutiful.app import App
from dutiful.client.options import state_named
from dutiful.client.task import BoundTask
from dutiful.contract.capability import Capability
from dutiful.contract.engine import Engine
from dutiful.contract.facade import Store
from dutiful.contract.page import Filter
from dutiful.core.errors import JobFailed, Unsupported
from dutiful.core.event import Event, JobDied
from dutiful.core.instant import span
from dutiful.core.job import Job
from dutiful.core.payload import plain
from dutiful.core.queue import Served
from dutiful.core.state import State
from dutiful.engines.memory import MemoryEngine
from dutiful.services.preparing import HOOK_SECONDS
from dutiful.services.scheduler import Scheduler
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

from .clock import FakeClock

P = ParamSpec("P")
T = TypeVar("T")

_PAGE = 500


class Harness:
    """An app's store while `harness` holds it, and the means to run and to look at its jobs.

    The sync methods run on a thread of their own, so a test needs no event loop. Async tests use
    the twins: on a loop the sync ones are refused.
    """

    def __init__(self, app: App, store: Store, clock: FakeClock) -> None:
        """Hold the parts; `harness` makes it."""
        self.app = app
        self.store = store
        self.clock = clock
        self.died: list[JobDied] = []
        """Every job that became a dead letter so far."""

    async def arun_due(
        self,
        *,
        until: str | float | timedelta = 0,
        raise_on_death: bool = True,
        schedules: bool = False,
    ) -> int:
        """Run everything that is due, and what that enqueues, until nothing is due any more.

        ``until`` also lets so much time pass, stopping at each retry, delay and snooze on the way
        to run it when it is due; with ``schedules`` also at each occurrence of the app's schedules.
        On an engine that cannot list jobs, ``until`` is refused with Unsupported, and the queues
        of the app's tasks are served.

        Returns how many attempts ended. Raises JobFailed for the first job that died, with the
        error's traceback, unless ``raise_on_death`` is False.
        """
        if not self.store.can(Capability.INSPECT) and span(until):
            raise Unsupported(
                self.store.name,
                "say when its next job is due, as run_due(until=...) needs it",
                "move the clock with jobs.clock.advance(...) and call run_due()",
            )
        dead_before = len(self.died)
        end = self.clock.now() + span(until)
        calendar = self._scheduler() if schedules else None
        attempts = await self._turn(calendar)
        while (due := await self._next_due(calendar)) is not None and due <= end:
            self.clock.advance(timedelta(microseconds=max(due - self.clock.now(), 0)))
            attempts += await self._turn(calendar)
        self.clock.advance(timedelta(microseconds=max(end - self.clock.now(), 0)))
        if raise_on_death and len(self.died) > dead_before:
            died = self.died[dead_before]
            detail = died.error.traceback or died.error.message if died.error else ""
            raise JobFailed(died.job.id, "dead", died.reason, f"{died.job.task}\n{detail}")
        return attempts

    async def ajobs(self, task: BoundTask[..., Any] | None = None, *states: str) -> list[Job]:
        """Return the jobs of a task (all), in states (all), in the order of their enqueueing."""
        which = Filter(
            tasks=() if task is None else (task.spec.name,),
            states=tuple(state_named(word) for word in states),
        )
        found: list[Job] = []
        cursor: str | None = None
        while True:
            page = await self.store.inspector.find(which, _PAGE, cursor)
            found.extend(page.jobs)
            cursor = page.cursor
            if cursor is None:
                return found[::-1]

    async def aassert_enqueued(
        self, task: BoundTask[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> list[Job]:
        """Fail unless a job of the task with exactly these arguments was enqueued; return them.

        Arguments are compared as the JSON that was stored. See `aenqueued` for any arguments.
        """
        wanted = plain(task.signature.encode(args, kwargs))
        jobs = await self.ajobs(task)
        found = [job for job in jobs if plain(job.args) == wanted]
        if not found:
            raise AssertionError(_missing(task.spec.name, wanted, jobs, await self.ajobs()))
        return found

    async def aenqueued(self, task: BoundTask[..., Any]) -> list[dict[str, Any]]:
        """Return the arguments of every job of a task, as stored, in order."""
        return [plain(job.args) for job in await self.ajobs(task)]

    def run_due(
        self,
        *,
        until: str | float | timedelta = 0,
        raise_on_death: bool = True,
        schedules: bool = False,
    ) -> int:
        """Run everything that is due; see `arun_due`."""
        return self.app.portal.run(
            self.arun_due(until=until, raise_on_death=raise_on_death, schedules=schedules)
        )

    def jobs(self, task: BoundTask[..., Any] | None = None, *states: str) -> list[Job]:
        """Return the jobs of a task, in states; see `ajobs`."""
        return self.app.portal.run(self.ajobs(task, *states))

    def assert_enqueued(
        self, task: BoundTask[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> list[Job]:
        """Fail unless a job with exactly these arguments was enqueued; see `aassert_enqueued`."""
        return self.app.portal.run(self.aassert_enqueued(task, *args, **kwargs))

    def enqueued(self, task: BoundTask[..., Any]) -> list[dict[str, Any]]:
        """Return the arguments of every job of a task, as stored, in order."""
        return self.app.portal.run(self.aenqueued(task))

    def _scheduler(self) -> Scheduler:
        return Scheduler(
            self.store,
            self.app.schedules.declaration(),
            clock=self.clock,
            rng=random.Random(0),  # noqa: S311 - it only spreads turns
            healthy=lambda: True,
            prepare=self.app.hooks.prepare,
            hooks_wait=HOOK_SECONDS,
        )

    async def _turn(self, calendar: Scheduler | None) -> int:
        if calendar is not None:
            await calendar.run_once()
        return await self._burst()

    async def _burst(self) -> int:
        queues = await self._queues()
        if not queues:
            return 0
        options = WorkerOptions(
            queues=tuple(Served(queue) for queue in queues),
            burst=True,
            heartbeat_in_thread=False,
            services=False,
        )
        attempts = 0

        def count(event: Event) -> None:
            nonlocal attempts
            attempts += len(getattr(event, "settlements", ()))

        leave = self.app.bus.subscribe(count)
        try:
            await Worker(self.app, options, clock=self.clock).run()
        finally:
            leave()
        if attempts and (await self._ready()):
            attempts += await self._burst()  # a task enqueued to a queue that was not served yet
        return attempts

    async def _queues(self) -> list[str]:
        if not self.store.can(Capability.INSPECT):
            return sorted({task.queue for task in self.app.tasks.values()})
        return [count.queue for count in await self.store.inspector.queues()]

    async def _ready(self) -> bool:
        if not self.store.can(Capability.INSPECT):
            return True  # only another burst can show it
        counts = await self.store.inspector.queues()
        return any(count.counts.get(State.QUEUED) and not count.paused_at for count in counts)

    async def _next_due(self, calendar: Scheduler | None) -> int | None:
        if not self.store.can(Capability.INSPECT):
            return None
        later = [job.run_at for job in await self.ajobs(None, "scheduled", "waiting")]
        if calendar is not None:
            batch = await self.store.schedules.due(1)
            later += [batch.now + batch.next_in] if batch.next_in is not None else []
        return min(later, default=None)


@contextmanager
def harness(
    app: App,
    *,
    clock: FakeClock | None = None,
    engine: Callable[[FakeClock], Engine] = MemoryEngine,
) -> Generator[Harness]:
    """Keep an app's jobs in memory for the length of a test, and hand out a `Harness`.

    ``engine`` makes another engine on the test's clock, to see how the app works on one that can do
    less; what that engine cannot do raises Unsupported here, too.

    ::

        def test_signup() -> None:
            with harness(app) as jobs:
                sign_up("a@example.org")
                jobs.assert_enqueued(send_welcome, "a@example.org")
                jobs.run_due()
    """
    time = clock or FakeClock()
    with app.on(engine(time)) as store:
        held = Harness(app, store, time)
        leave = app.bus.subscribe(
            lambda event: held.died.append(event) if isinstance(event, JobDied) else None
        )
        try:
            yield held
        finally:
            leave()
            app.portal.close()


def _missing(task: str, wanted: Any, jobs: list[Job], everything: list[Job]) -> str:
    def show(arguments: Any) -> str:
        return msgspec.json.encode(arguments).decode()

    lines = [f"no job of {task} was enqueued with {show(wanted)}"]
    if jobs:
        lines.append("it was enqueued with:")
        lines.extend(f"  {show(plain(job.args))}" for job in jobs[:20])
    elif everything:
        names = sorted({job.task for job in everything})
        lines.append(f"jobs were enqueued for: {', '.join(names)}")
    else:
        lines.append("nothing was enqueued at all")
    return "\n".join(lines)
