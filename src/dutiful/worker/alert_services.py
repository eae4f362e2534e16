"""What a worker does for alerts beside its jobs: it counts what happens, and evaluates rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from dutiful.config import Settings
from dutiful.contract.beside import beside
from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock
from dutiful.core.alerting.routing import Policy
from dutiful.core.errors import EngineError
from dutiful.core.event import Notice
from dutiful.core.instant import SECOND
from dutiful.core.retry import Random
from dutiful.core.secret_texts import secrets
from dutiful.core.url import public
from dutiful.observe.log import UNLOGGED
from dutiful.observe.sinks.sink import Sink
from dutiful.services.activity_recorder import ActivityRecorder
from dutiful.services.alerter import Alerter
from dutiful.services.service import Service

from .app_protocol import WorkerApp

_FLUSH_SECONDS = 1.0


async def sinks_of(settings: Settings) -> tuple[Sink, ...]:
    """Make the sinks that ``alerts_to`` names, in a thread; BadConfiguration for a wrong one.

    The log is none of them: it has a line for each alert, with or without a sink.
    """
    if not settings.alerts_to:
        return ()
    from dutiful.observe.sinks.make import make_sinks  # loads what sends only where it is used

    made = await beside(lambda: make_sinks(settings))
    return tuple(one for one in made if one.name in settings.alerts_to)


def alerter_of(
    app: WorkerApp,
    clock: Clock,
    rng: Random,
    healthy: Callable[[], bool],
    sinks: Sequence[Sink] = (),
    *,
    calm: Callable[[], bool] = lambda: False,
    late: bool = False,
) -> Alerter | None:
    """Make the alerter of an app; None where its store keeps no alerts, or they are off.

    With ``late`` it leaves the turns to others, as long as there are any.
    """
    store, alerting, settings = app.store, app.alerting, app.settings
    limits = (settings.alerts or alerting.limits).plus(alerting.limits)
    if not store.can(Capability.ALERTS) or not limits.on:
        return None
    routes = {**settings.alerts_routes, **alerting.routes}
    if strangers := alerting.strangers(limits, routes):
        store.emit(
            Notice(
                f"there are no alert rules called {', '.join(strangers)}; see the names "
                "with `dutiful alerts rules`"
            )
        )
    own = {**{one.name: one for one in sinks}, **alerting.sinks}
    if lost := sorted(routes.keys() - {*own, *settings.alerts_to}):
        store.emit(
            Notice(
                f"alerts_routes is about sinks that do not exist: {', '.join(lost)}; name them in "
                "alerts_to, or add them with app.alerts.add_sink"
            )
        )
    address = public(settings.url) if settings.url else ""
    return Alerter(
        store,
        clock=clock,
        rng=rng,
        sinks=own,
        limits=limits,
        policy=Policy(sinks=tuple(own), routes=routes, store=address, **limits.spans),
        rules=tuple(alerting.rules.values()),
        scope=app.name,
        keep=settings.retentions(),
        healthy=healthy,
        calm=calm,
        seconds=alerting.every / SECOND,
        late=late,
        hidden=secrets(settings.secrets()),
    )


class AlertServices:
    """The recorder of a worker's life, and an alerter for each of its sessions."""

    def __init__(self, app: WorkerApp, clock: Clock, rng: Random) -> None:
        """Listen to nothing yet."""
        self._app = app
        self._clock, self._rng = clock, rng
        self._recorder: ActivityRecorder | None = None
        self._sinks: tuple[Sink, ...] = ()

    async def prepare(self) -> None:
        """Make the sinks of the settings; BadConfiguration for one that cannot work."""
        self._sinks = await sinks_of(self._app.settings)

    def listen(self) -> Callable[[], None]:
        """Begin to count, where the store keeps counts, and return what ends this."""
        if not self._app.store.can(Capability.ACTIVITY):
            return lambda: None
        self._recorder = ActivityRecorder(self._app.store, self._clock)
        return self._app.bus.subscribe(self._recorder.heard, ignores=UNLOGGED)

    def services(
        self, healthy: Callable[[], bool], calm: Callable[[], bool], *, burst: bool
    ) -> list[Service]:
        """Return the services of a session; a burst only counts."""
        found: list[Service] = []
        if self._recorder is not None and not burst:
            found.append(self._recorder)
        if burst:
            return found
        app, clock, rng = self._app, self._clock, self._rng
        alerter = alerter_of(app, clock, rng, healthy, self._sinks, calm=calm)
        return found if alerter is None else [*found, alerter]

    async def flush(self) -> None:
        """Add what was counted last, unless the store is away."""
        if self._recorder is not None:
            with suppress(EngineError, TimeoutError):
                async with asyncio.timeout(_FLUSH_SECONDS):
                    await self._recorder.run_once()
