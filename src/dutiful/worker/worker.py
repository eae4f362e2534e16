"""A worker: one registration after another, until a stop is requested."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Sequence
from time import monotonic

import msgspec

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock, SystemClock
from dutiful.core.errors import EngineError
from dutiful.core.event import Notice
from dutiful.core.job import NewJob
from dutiful.core.retry import Random
from dutiful.core.settle import Rules
from dutiful.observe.log import debugged, log_starts
from dutiful.services.preparing import HOOK_SECONDS
from dutiful.services.process import Process, rss_mb
from dutiful.services.pruner import Pruner
from dutiful.services.rescuer import Rescuer
from dutiful.services.scheduler import HOOKS_WAIT, Scheduler
from dutiful.services.service import Service
from dutiful.services.trouble import OutageReport

from .alert_services import AlertServices
from .app_protocol import WorkerApp
from .condition import WorkerCondition
from .death_hooks import DeathHooks
from .engine_notice import engine_notice, log_notice
from .grace import grace_notice, hooks_seconds
from .health_view import HealthView
from .isolation.contained import contain, release
from .isolation.contexts import Contexts
from .options import WorkerOptions
from .registration import Ending, Registration
from .store_retry import StoreRetry
from .vitals import vitals_of
from .watchdog import ProcessOwner, Watchdog
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
        owner: ProcessOwner | None = None,
    ) -> None:
        """Prepare a worker; clock, rng and process are the system's unless a test gives its own.

        ``owner`` ends the process of a worker that hangs; without one it only reports that.
        """
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
        self.condition = WorkerCondition(self._store_retry.trouble, app.settings.app_version or "")
        self._owner = owner or ProcessOwner()
        self._asked = False
        """Whether a stop was requested."""
        self._asked_at: float | None = None
        self._names: set[str] = set()
        self._contexts = Contexts()
        self._alerts = AlertServices(app, self._clock, self._rng)
        self._rss_seen = 0.0

    async def run(self) -> Ending:
        """Serve until stopped, drained in burst mode, or due to be recycled."""
        self._loop = loop = asyncio.get_running_loop()
        self.app.schedules.declaration().check(self.app.store)
        await self._alerts.prepare()
        outages = self._alerts.outages(self._store_retry.trouble, self.options)
        with self.app.metrics.shown(lambda: vitals_of(self.condition)):
            async with outages:
                return await self._serve(loop) if await self._open() else "stopped"

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> Ending:
        hooks = DeathHooks(self.app, self._contexts, self._names)
        watchdog = self._watch()
        uncount = self._alerts.listen()
        unlog = self.app.bus.subscribe(log_starts) if debugged() else uncount
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
                if ending != "lost" or self._stopped() or self.condition.drained:
                    return "stopped" if ending == "lost" else ending
        finally:
            self._registration = self.condition.registration = None
            watchdog.stop()
            # One that hangs must not hold up the exit indefinitely.
            left = hooks_seconds(self.options.grace, self._asked_at)
            self.clean = await hooks.close(left) and self.clean
            uncount()
            unlog()
            await self._alerts.flush()
            release(loop)

    def stop(self, grace: float | None = None) -> None:
        """Drain and return from `run`; a second call with ``grace=0`` releases immediately.

        May be called from any thread, and before `run`.
        """
        self._asked = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop_session, grace)

    def health(self) -> HealthView:
        """Return how this worker is; may be asked from any thread, also when its loop hangs."""
        return self.condition.health()

    def _watch(self) -> Watchdog:
        limit = self.options.hung_after
        watchdog = Watchdog(self.condition, limit, self._clock, self.app.bus.emit, self._owner)
        if self.options.heartbeat_in_thread:
            watchdog.start()
        return watchdog

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
        about_logs = log_notice(self.app)
        for notice in (*notices, engine_notice(self.app.store), about_logs, ends):
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
            condition=self.condition,
        )

    def _services(self, registration: Registration) -> list[Service]:
        store, settings = self.app.store, self.app.settings
        services: list[Service] = []
        if store.can(Capability.FLEET):
            services.append(self._new_rescuer(registration))
        if store.can(Capability.SCHEDULES):
            services.append(self._new_scheduler(registration))
        if store.can(Capability.PRUNE):
            services.append(Pruner(store, settings.retentions()))
        settled, calm = self._store_retry.trouble.settled, registration.calm
        services += self._alerts.services(
            lambda: registration.healthy() and settled(), calm, burst=self.options.burst
        )
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
        """Run the enqueue hooks, if there are any, on the jobs of occurrences, and trace these."""
        hooks = self.app.hooks
        return hooks.prepare(jobs) if hooks.on_enqueue or hooks.tracer is not None else None

    def _rules_of(self, task: str) -> Rules:
        rules = self._rules.get(task)
        if rules is None:
            settings, known = self.app.settings, self.app.tasks.get(task)
            park, hidden = settings.unknown_task_after, settings.secrets()
            rules = Rules(crashes_max=settings.crashes_max, park_max=park, secrets=hidden)
            if known is not None:
                given = {"retry": known.spec.retry, "sensitive": known.signature.sensitive}
                rules = self._rules[task] = msgspec.structs.replace(rules, **given)
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
