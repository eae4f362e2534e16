"""A worker: one registration after another, until a stop is requested."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any

import msgspec

from dutiful.client.async_or_not import is_async
from dutiful.client.hooks import OnDeath, in_thread
from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock, SystemClock
from dutiful.core.errors import EngineError
from dutiful.core.event import Event, HookFailed, JobDied, Notice, Settled
from dutiful.core.job import NewJob
from dutiful.core.retry import Random
from dutiful.core.settle import Rules
from dutiful.core.state import State
from dutiful.core.text import worded
from dutiful.services.preparing import HOOK_SECONDS
from dutiful.services.process import Process, rss_mb
from dutiful.services.pruner import Pruner
from dutiful.services.rescuer import Rescuer
from dutiful.services.scheduler import HOOKS_WAIT, Scheduler
from dutiful.services.service import Service
from dutiful.services.trouble import OutageReport

from . import forks
from .app_protocol import WorkerApp
from .engine_notice import engine_notice
from .grace import grace_notice, hooks_seconds
from .isolation.contained import contain, release
from .isolation.contexts import Contexts
from .options import WorkerOptions
from .owned_task import OWNER, HookRun
from .registration import Ending, Registration
from .store_retry import StoreRetry
from .with_dead_man import with_dead_man

_RSS_SECONDS = 1.0
"""Seconds between checks of the process's memory."""
_GLANCE = 0.1
"""Seconds between checks for a stop while the store is being opened."""


class Worker:
    """Runs an app's jobs on the running loop.

    A registration that loses its lease is followed by another with a new id, so that claims of the
    old one cannot be mistaken for claims of the new one.
    """

    def __init__(
        self,
        app: WorkerApp,
        options: WorkerOptions | None = None,
        *,
        clock: Clock | None = None,
        rng: Random | None = None,
        process: Process | None = None,
    ) -> None:
        """Prepare a worker; clock, rng and process are the system's unless a test gives its own."""
        self.app = app
        self.options = options or WorkerOptions(lease=app.settings.leases())
        self.clean = True
        """Whether no thread still runs; otherwise the process must end without waiting for it."""
        self.began = False
        """Whether the worker has begun to serve; an error after that is not wrong usage."""
        self._clock = clock or SystemClock()
        self._rng = rng or random.SystemRandom()
        self._process = process or Process()
        self._rules: dict[str, Rules] = {}
        self._registration: Registration | None = None
        self._scheduler: Scheduler | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._store_retry = StoreRetry(OutageReport(app.bus.emit, self._clock.ticks), self._rng)
        self._asked = False
        """Whether a stop was requested."""
        self._asked_at: float | None = None
        self._names: set[str] = set()
        self._hooks: set[asyncio.Task[None]] = set()
        self._contexts = Contexts()
        self._rss_seen = 0.0

    async def run(self) -> Ending:
        """Serve until stopped, drained in burst mode, or due to be recycled."""
        self._loop = loop = asyncio.get_running_loop()
        self.app.schedules.declaration().check(self.app.store)
        if not await self._open():
            return "stopped"
        leave = self.app.bus.subscribe(lambda event: self._heard(loop, event))
        contain(loop)
        try:
            while True:
                self._registration = registration = self._new_session()
                self._names.add(registration.worker)
                if self._stopped():
                    registration.stop()  # it has no jobs yet, so it needs no grace period
                self.began = True
                try:
                    ending = await registration.run(self._services, self._recycle)
                finally:
                    self.clean = await registration.close() and self.clean
                    if self._scheduler is not None:
                        self._scheduler.close()
                if ending != "lost" or self._stopped():
                    return "stopped" if ending == "lost" else ending
        finally:
            self._registration = None
            leave()
            await self._death_hooks_run()
            release(loop)

    def stop(self, grace: float | None = None) -> None:
        """Drain and return from `run`; a second call with ``grace=0`` releases immediately.

        May be called from any thread, and before `run`.
        """
        self._asked = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop_session, grace)

    async def _ready(self) -> tuple[str, ...]:
        """Open the store; ScheduleTaken when another owner has a schedule that is declared here."""
        notices = await self.app.open()
        await self.app.schedules.declaration().refuse_taken(self.app.store)
        return notices

    async def _open(self) -> bool:
        """Open the store, waiting out any outage; False when a stop is requested before that."""
        opening = asyncio.create_task(self._store_retry.ask(self._ready, self._stopped))
        while not (opening.done() or self._stopped()):
            await asyncio.wait((opening,), timeout=_GLANCE)
        if not opening.done():
            # A thread may hang while it connects, and the process must not wait for it.
            self.clean = False
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            return False
        try:
            notices = await opening
        except EngineError:
            if not self._stopped():
                raise
            return False
        ends = grace_notice(self.options.grace, self.app.settings.termination_grace)
        for notice in (*notices, engine_notice(self.app.store), ends):
            if notice:
                self.app.bus.emit(Notice(notice))
        return True

    def _stopped(self) -> bool:
        return self._asked

    def _stop_session(self, grace: float | None) -> None:
        if self._loop is not None and self._asked_at is None:
            self._asked_at = self._loop.time()
        if self._registration is not None:
            self._registration.stop(grace)

    async def _death_hooks_run(self) -> None:
        """Wait for the death hooks, with a limit: a hook that hangs must not prevent the exit."""
        await asyncio.sleep(0)  # lets the hooks of the last events start
        if not self._hooks:
            return
        left = hooks_seconds(self.options.grace, self._asked_at)
        _, stuck = await asyncio.wait(self._hooks, timeout=left)
        for hook in stuck:
            hook.cancel()
            self.clean = False

    def _new_session(self) -> Registration:
        return Registration(
            self.app,
            self.app.store,
            self._process,
            self.options,
            clock=self._clock,
            rng=self._rng,
            rules=self._rules_of,
            store_retry=self._store_retry,
        )

    def _services(self, registration: Registration) -> list[Service]:
        store, settings = self.app.store, self.app.settings
        services: list[Service] = []
        if store.can(Capability.FLEET):
            services.append(self._new_rescuer(registration))
        if store.can(Capability.SCHEDULES):
            services.append(self._new_scheduler(registration))
        if store.can(Capability.PRUNE):
            keep = {
                State.SUCCEEDED: settings.keep_succeeded,
                State.CANCELLED: settings.keep_cancelled,
                State.DEAD: settings.keep_dead,
            }
            services.append(Pruner(store, keep))
        if self.options.burst:  # whose first turns are awaited, and which ends by itself
            return services
        return with_dead_man(services, settings, self._clock.ticks, store.emit)

    def _new_rescuer(self, registration: Registration) -> Rescuer:
        return Rescuer(
            self.app.store,
            registration.worker,
            clock=self._clock,
            rng=self._rng,
            rules=self._rules_of,
            vanished=self._process.vanished,
            healthy=registration.healthy,
            calm=registration.calm,
        )

    def _new_scheduler(self, registration: Registration) -> Scheduler:
        # A burst may end after the first turn, so that turn must make all jobs that are due.
        wait = HOOK_SECONDS if self.options.burst else HOOKS_WAIT
        self._scheduler = Scheduler(
            self.app.store,
            self.app.schedules.declaration(),
            clock=self._clock,
            rng=self._rng,
            healthy=registration.healthy,
            prepare=self._prepare,
            context=self._contexts.fresh,
            hooks_wait=wait,
        )
        return self._scheduler

    def _prepare(self, jobs: Sequence[NewJob]) -> Awaitable[Sequence[NewJob]] | None:
        """Run the enqueue hooks, if there are any, on the jobs of occurrences."""
        hooks = self.app.hooks
        return hooks.abefore(jobs) if hooks.on_enqueue else None

    def _rules_of(self, task: str) -> Rules:
        rules = self._rules.get(task)
        if rules is None:
            settings, known = self.app.settings, self.app.tasks.get(task)
            rules = Rules(crashes_max=settings.crashes_max, park_max=settings.unknown_task_after)
            if known is not None:
                rules = self._rules[task] = msgspec.structs.replace(rules, retry=known.spec.retry)
        return rules

    def _recycle(self, done: int) -> bool:
        options = self.options
        if options.jobs_max is not None and done >= options.jobs_max:
            return True
        # Not before the first job: a limit below an idle process's memory would allow no work.
        if options.rss_mb_max is None or done == 0:
            return False
        if (now := monotonic()) - self._rss_seen < _RSS_SECONDS:
            return False
        self._rss_seen = now
        return rss_mb() > options.rss_mb_max

    def _heard(self, loop: asyncio.AbstractEventLoop, event: Event) -> None:
        """Run the hooks for deaths that this worker settled; other workers run their own."""
        if not isinstance(event, Settled) or event.worker not in self._names:
            return
        for item in event.settlements:
            if item.state is State.DEAD:
                died = JobDied(item.claim.job, item.reason or "", item.error)
                for hook in self.app.hooks.on_death:
                    loop.call_soon_threadsafe(self._run_hook, hook, died)

    def _run_hook(self, hook: OnDeath, event: JobDied) -> None:
        owner, context = HookRun(), self._contexts.fresh()
        context.run(OWNER.set, owner)
        owner.task = task = asyncio.get_running_loop().create_task(
            self._run_death_hooks(hook, event, owner), context=context
        )
        self._hooks.add(task)
        task.add_done_callback(self._hooks.discard)

    async def _run_death_hooks(self, hook: OnDeath, event: JobDied, owner: HookRun) -> None:
        try:
            call: Callable[[JobDied], Any] = hook
            said = (
                call(event)
                if is_async(hook)
                else await in_thread(partial(forks.guarded, call, event))
            )
            if inspect.isawaitable(said):
                await said
        except asyncio.CancelledError:
            if owner.exit is None:
                raise
            self._hook_failed(hook, owner.exit)
        except BaseException as error:  # noqa: BLE001 - a hook that exits must not end the worker
            self._hook_failed(hook, error)

    def _hook_failed(self, hook: OnDeath, error: BaseException) -> None:
        name = getattr(hook, "__name__", "on_death")
        self.app.bus.emit(HookFailed(name, worded(error)))
