"""What a worker does for alerts beside its jobs: it counts what happens, and evaluates rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress

from msgspec.structs import replace

from dutiful.config import Settings
from dutiful.contract.beside import beside
from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock
from dutiful.core.alerting.decide import Policy
from dutiful.core.alerting.rule import Limits
from dutiful.core.alerting.rules import RULES, STORE_UNUSABLE
from dutiful.core.errors import EngineError
from dutiful.core.event import Notice, ignore
from dutiful.core.retry import Random
from dutiful.core.state import State
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


def keeping(settings: Settings) -> dict[State, int | None]:
    """Return how long finished jobs of each state are kept."""
    return {
        State.SUCCEEDED: settings.keep_succeeded,
        State.CANCELLED: settings.keep_cancelled,
        State.DEAD: settings.keep_dead,
    }


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
    if strangers := alerting.strangers(limits):
        store.emit(
            Notice(
                f"there are no alert rules called {', '.join(strangers)}; see the names "
                "with `dutiful alerts rules`"
            )
        )
    return Alerter(
        store,
        clock=clock,
        sinks=_by_name(app, sinks),
        limits=limits,
        policy=_policy(app, sinks),
        rules=tuple(alerting.rules.values()),
        scope=app.name,
        keep=keeping(settings),
        healthy=healthy,
        calm=calm,
        late=late,
    )


@asynccontextmanager
async def outage_alerts(
    app: WorkerApp, clock: Clock, rng: Random, trouble: OutageReport, sinks: Sequence[Sink]
) -> AsyncGenerator[None]:
    """Send an alert if the store cannot be used for some time during the block."""
    limit = _limits(app).of(next(rule for rule in RULES if rule.name == STORE_UNUSABLE))
    if not (app.store.can(Capability.ALERTS) and _limits(app).on and limit.on):
        yield
        return
    policy = _policy(app, sinks)
    alert = OutageAlert(
        app.store,
        clock=clock,
        trouble=trouble,
        sinks=_by_name(app, sinks),
        limit=limit,
        policy=policy,
        keeper=OutageFile(policy.store),
        where=Process().name(),
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


def _policy(app: WorkerApp, sinks: Sequence[Sink]) -> Policy:
    own, url = app.alerting.policy, app.settings.url
    both = tuple(dict.fromkeys((*(one.name for one in sinks), *own.sinks)))
    return replace(own, sinks=both, store=public(url) if url else "")


class AlertServices:
    """The recorder of a worker's life, and an alerter for each of its sessions."""

    def __init__(self, app: WorkerApp, clock: Clock) -> None:
        """Listen to nothing yet."""
        self._app = app
        self._clock = clock
        self._recorder: ActivityRecorder | None = None
        self._sinks: tuple[Sink, ...] = ()

    async def prepare(self) -> None:
        """Make the sinks of the settings; BadConfiguration for one that cannot work."""
        self._sinks = await sinks_of(self._app.settings)

    def outages(
        self, trouble: OutageReport, rng: Random, options: WorkerOptions
    ) -> AbstractAsyncContextManager[None]:
        """Send an alert if the store cannot be used for some time, also at the start.

        Not in a burst, which ends then, and not in simulated time.
        """
        if options.burst or not (options.services and options.heartbeat_in_thread):
            return nullcontext()
        return outage_alerts(self._app, self._clock, rng, trouble, self._sinks)

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
        alerter = (
            None if burst else alerter_of(self._app, self._clock, healthy, self._sinks, calm=calm)
        )
        return found if alerter is None else [*found, alerter]

    async def flush(self) -> None:
        """Add what was counted last, unless the store is away."""
        if self._recorder is not None:
            with suppress(EngineError, TimeoutError):
                async with asyncio.timeout(_FLUSH_SECONDS):
                    await self._recorder.run_once()
