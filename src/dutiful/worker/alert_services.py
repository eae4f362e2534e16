"""What a worker does for alerts beside its jobs: it counts what happens, and evaluates rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

from msgspec.structs import replace

from dutiful.config import Settings
from dutiful.contract.beside import beside
from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock
from dutiful.core.errors import EngineError
from dutiful.core.event import Notice
from dutiful.core.instant import SECOND
from dutiful.core.state import State
from dutiful.core.url import public
from dutiful.observe.log import UNLOGGED
from dutiful.observe.sinks.sink import Sink
from dutiful.services.activity_recorder import ActivityRecorder
from dutiful.services.alerter import Alerter
from dutiful.services.service import Service

from .app_protocol import WorkerApp

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
    limits = (settings.alerts or alerting.limits).plus(alerting.limits)
    if not store.can(Capability.ALERTS) or not limits.on:
        return None
    if strangers := alerting.strangers(limits):
        store.emit(
            Notice(
                f"there are no alert rules called {', '.join(strangers)}; see the names "
                "with `dutiful alerts rules`"
            )
        )
    named = {one.name: one for one in sinks}
    own, address = alerting.policy, public(settings.url) if settings.url else ""
    both = tuple(dict.fromkeys((*named, *own.sinks)))
    return Alerter(
        store,
        clock=clock,
        sinks={**named, **alerting.sinks},
        limits=limits,
        policy=replace(own, sinks=both, store=address),
        rules=tuple(alerting.rules.values()),
        scope=app.name,
        keep=keeping(settings),
        healthy=healthy,
        calm=calm,
        seconds=alerting.every / SECOND,
        late=late,
    )


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
