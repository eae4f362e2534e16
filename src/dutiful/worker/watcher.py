"""Evaluates alerts without running jobs, also while every worker is dead."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from functools import partial

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock, SystemClock
from dutiful.core.event import Notice
from dutiful.core.retry import Random
from dutiful.observe.sinks.sink import Sink
from dutiful.services.service import Service, ServiceLoop
from dutiful.services.trouble import OutageReport

from .alert_services import alerter_of, outage_alerts, sinks_of
from .app_protocol import WorkerApp
from .store_retry import StoreRetry
from .with_dead_man import with_dead_man


class Watcher:
    """Runs an alerter, the dead-man's signal and services that are passed in, until it is stopped.

    A store that is away is waited for, also at the start; StoreUnusable where there is none.
    """

    def __init__(
        self,
        app: WorkerApp,
        services: Sequence[Service] = (),
        *,
        clock: Clock | None = None,
        rng: Random | None = None,
    ) -> None:
        """Open nothing yet."""
        self._app = app
        self._services = services
        self._clock = clock or SystemClock()
        self._rng = rng or random.SystemRandom()
        self._stopped = asyncio.Event()

    def stop(self, grace: float | None = None) -> None:
        """End `run`; call it on its loop."""
        self._stopped.set()

    async def run(self) -> None:
        """Watch until stopped; Unsupported where the store keeps no alerts."""
        app = self._app
        trouble = OutageReport(app.bus.emit, self._clock.ticks)
        opening = StoreRetry(trouble, self._rng)
        sinks = await sinks_of(app.settings)
        async with outage_alerts(app, self._clock, self._rng, trouble, sinks):
            await opening.ask(partial(app.open, create=False), self._stopped.is_set)
            app.store.require(Capability.ALERTS)
            await self._watch(trouble, sinks)

    async def _watch(self, trouble: OutageReport, sinks: Sequence[Sink]) -> None:
        app = self._app
        silent = not (sinks or app.alerting.sinks)
        settled = trouble.settled
        alerter = alerter_of(app, self._clock, self._rng, settled, sinks, late=silent)
        services = [*([] if alerter is None else [alerter]), *self._services]
        if alerter is None:
            app.bus.emit(Notice("alerts are off, so no rules are evaluated"))
        elif silent:
            app.bus.emit(Notice("no sink is configured, so alerts are only written to the log"))
        services = with_dead_man(services, app.settings, self._clock.ticks, app.bus.emit)
        loops = [ServiceLoop(one, app.bus.emit, self._rng, trouble) for one in services]
        chores = [asyncio.create_task(one.forever()) for one in loops]
        try:
            await self._stopped.wait()
        finally:
            for chore in chores:
                chore.cancel()
            await asyncio.gather(*chores, return_exceptions=True)
