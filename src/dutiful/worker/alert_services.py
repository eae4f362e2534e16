"""What a worker does for alerts beside its jobs: it counts what happens, and evaluates rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress

from dutiful.config import Settings
from dutiful.contract.beside import beside
from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock
from dutiful.core.alerting.routing import Policy, Route
from dutiful.core.alerting.rule import Limits
from dutiful.core.alerting.rules import RULES, STORE_UNUSABLE
from dutiful.core.errors import EngineError
from dutiful.core.event import Notice, ignore
from dutiful.core.instant import SECOND
from dutiful.core.retry import Random
from dutiful.core.secret_texts import secrets
from dutiful.core.url import public
from dutiful.observe.log import UNLOGGED
from dutiful.observe.sinks.sink import Sink
from dutiful.services.activity_recorder import ActivityRecorder
from dutiful.services.alerter import Alerter
from dutiful.services.delivering import Sends
from dutiful.services.outage_alert import OutageAlert
from dutiful.services.process import Process
from dutiful.services.service import Service, ServiceLoop
from dutiful.services.trouble import OutageReport

from .app_protocol import WorkerApp
from .options import WorkerOptions
from .outage_file import OutageFile

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
    limits = _limits(app)
    if not store.can(Capability.ALERTS) or not limits.on:
        return None
    if strangers := alerting.strangers(limits, _routes(app)):
        store.emit(
            Notice(
                f"there are no alert rules called {', '.join(strangers)}; see the names "
                "with `dutiful alerts rules`"
            )
        )
    own, policy = _by_name(app, sinks), _policy(app, sinks, limits)
    if lost := sorted(policy.routes.keys() - {*own, *settings.alerts_to}):
        store.emit(
            Notice(
                f"alerts_routes is about sinks that do not exist: {', '.join(lost)}; name them in "
                "alerts_to, or add them with app.alerts.add_sink"
            )
        )
    return Alerter(
        store,
        clock=clock,
        rng=rng,
        sinks=own,
        limits=limits,
        policy=policy,
        rules=tuple(alerting.rules.values()),
        scope=app.name,
        keep=settings.retentions(),
        healthy=healthy,
        calm=calm,
        seconds=alerting.every / SECOND,
        late=late,
        hidden=secrets(settings.secrets()),
    )


@asynccontextmanager
async def outage_alerts(
    app: WorkerApp, clock: Clock, rng: Random, trouble: OutageReport, sinks: Sequence[Sink]
) -> AsyncGenerator[None]:
    """Send an alert if the store cannot be used for some time during the block."""
    limits = _limits(app)
    limit = limits.of(next(rule for rule in RULES if rule.name == STORE_UNUSABLE))
    if not (app.store.can(Capability.ALERTS) and limits.on and limit.on):
        yield
        return
    policy = _policy(app, sinks, limits)
    alert = OutageAlert(
        app.store,
        clock=clock,
        trouble=trouble,
        sinks=_by_name(app, sinks),
        limit=limit,
        policy=policy,
        keeper=OutageFile(policy.store),
        where=Process().name(),
        rng=rng,
        hidden=secrets(app.settings.secrets()),
    )
    # Its turns are no calls to the store, so they do not end any trouble.
    turns = ServiceLoop(alert, app.bus.emit, rng, OutageReport(ignore, clock.ticks))
    looking = asyncio.create_task(turns.forever())
    try:
        yield
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        alert.close()


def _limits(app: WorkerApp) -> Limits:
    own = app.alerting.limits
    return (app.settings.alerts or own).plus(own)


def _by_name(app: WorkerApp, sinks: Sequence[Sink]) -> dict[str, Sends]:
    return {**{one.name: one for one in sinks}, **app.alerting.sinks}


def _routes(app: WorkerApp) -> dict[str, Route]:
    return {**app.settings.alerts_routes, **app.alerting.routes}


def _policy(app: WorkerApp, sinks: Sequence[Sink], limits: Limits) -> Policy:
    url = app.settings.url
    return Policy(
        sinks=tuple(_by_name(app, sinks)),
        routes=_routes(app),
        store=public(url) if url else "",
        **limits.spans,
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

    def outages(
        self, trouble: OutageReport, options: WorkerOptions
    ) -> AbstractAsyncContextManager[None]:
        """Send an alert if the store cannot be used for some time, also at the start.

        Not in a burst, which ends then, and not in simulated time.
        """
        if options.burst or not (options.services and options.heartbeat_in_thread):
            return nullcontext()
        return outage_alerts(self._app, self._clock, self._rng, trouble, self._sinks)

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
