"""Evaluates the alert rules and sends what follows; any number of processes may."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from dutiful.contract.clock import Clock
from dutiful.contract.facade import Store
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alert_event import AlertFired, AlertResolved, AlertRuleFailed
from dutiful.core.alerting.decide import Changes, Known, decide
from dutiful.core.alerting.incident import (
    Delivery,
    Incident,
    Silence,
    Unreadable,
    read,
    written,
)
from dutiful.core.alerting.judge import Judgement, judge
from dutiful.core.alerting.outage import last_outage
from dutiful.core.alerting.routing import Policy
from dutiful.core.alerting.rule import Limits, Rule
from dutiful.core.alerting.rules import RULES
from dutiful.core.alerting.sample import Sample
from dutiful.core.alerting.sending import failing
from dutiful.core.instant import DAY, HOUR, SECOND
from dutiful.core.retry import Random
from dutiful.core.secret_texts import NO_SECRETS, Secrets
from dutiful.core.state import State

from .delivering import Courier, Sends
from .sampling import Sampler

TURN = "rules"
_TURN_SHARE = 0.9
"""Of the interval, after which the turn is free: timers are not exact."""
_PATIENCE = 1.4
"""So many times longer waits a process that did not take the last turn."""
_SKIPPED_MOST = 2
_TRIES = 3
_PRUNE_EVERY = HOUR
KEEP_PAST, KEEP_DELIVERIES, KEEP_SILENCES = 30 * DAY, DAY, 7 * DAY


class Alerter:
    """Takes a turn about every five seconds, if no other process has.

    The process that took the last turn comes on time. The others come later, and rarely while their
    worker knows that all workers are alive: they find nothing to do unless it has ended. Alerts and
    what is to be sent about them are written in one, only if nothing has changed since they were
    read, so that each change is decided once.
    """

    name = "alerter"

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        rng: Random,
        sinks: Mapping[str, Sends],
        limits: Limits,
        policy: Policy,
        rules: Sequence[Rule] = (),
        scope: str = "",
        keep: Mapping[State, int | None] | None = None,
        healthy: Callable[[], bool] = lambda: True,
        calm: Callable[[], bool] = lambda: False,
        seconds: float = 5.0,
        late: bool = False,
        hidden: Secrets = NO_SECRETS,
    ) -> None:
        """Evaluate the default rules, and ``rules`` of the app that ``scope`` names.

        With ``late`` it takes a turn only when three were not taken: for a process that cannot
        notify people. ``keep`` says how long finished jobs are kept. What is ``hidden`` is in no
        text.
        """
        self._store = store
        self._sampler = Sampler(store, clock.ticks, keep or {})
        self._courier = Courier(store, sinks, rng, hidden)
        self._limits, self._policy, self._hidden = limits, policy, hidden
        self._parts = [(TURN, tuple(RULES))]
        if rules:
            self._parts.append((f"{TURN} of {scope}", tuple(rules)))
        self._healthy, self._calm = healthy, calm
        self._skipped = _SKIPPED_MOST
        self.seconds = seconds
        self._every = int(seconds * _TURN_SHARE * SECOND) * (3 if late else 1)
        self._every_other = self._every if late else int(self._every * _PATIENCE)
        self._began = self._leads = self._idle = False
        self._prune_at = 0
        self._failed: dict[str, str] = {}
        self._waiting = False
        """Whether there is anything to send."""

    def rest(self, rng: Random) -> float:
        """Return the seconds until the next turn; the first one comes soon."""
        if not self._began:
            self._began = True
            return rng.random()
        if self._leads:
            return self.seconds * (1.2 if self._idle else 1)
        return self.seconds * (1.1 + 0.3 * rng.random())

    async def run_once(self) -> int:
        """Take the turns that are free, and return how many alerts have changed."""
        if not self._healthy() or self._may_skip():
            self._leads = False
            return 0
        every = self._every if self._leads else self._every_other
        self._leads = False
        changed = 0
        sample: Sample | None = None
        for turn, rules in self._parts:
            now = await self._store.alerts.turn(turn, every)
            if now is None:
                continue
            self._leads = True
            sample = sample or await self._sampler.take(now)
            self._idle = sample.idle
            changed += await self._evaluate(rules, sample)
        if sample is not None:
            if self._waiting:
                self._idle = False
                await self._courier.deliver()
            await self._prune(sample.at)
        return changed

    def _may_skip(self) -> bool:
        """Whether to leave this turn to the process that took the last one."""
        skips = not self._leads and self._calm() and self._skipped < _SKIPPED_MOST
        self._skipped = self._skipped + 1 if skips else 0
        return skips

    async def _evaluate(self, rules: Sequence[Rule], sample: Sample) -> int:
        store = self._store.alerts
        for _ in range(_TRIES):
            kinds = (AlertKind.INCIDENT, AlertKind.DELIVERY, AlertKind.SILENCE)
            found = await store.entries(kinds)
            deliveries = deliveries_in(found.entries)
            known = known_in(found.entries)
            seen = replace(
                sample, sinks=failing(deliveries, found.now), outage=last_outage(known, found.now)
            )
            judgement = judge(rules, seen, self._limits, self._hidden)
            self._report(judgement)
            self._idle = self._idle and not known.incidents
            self._waiting = any(one.open for one in deliveries)
            changes = decide(judgement, known, self._policy, found.now)
            if changes.empty or await store.write(*_rows(changes)):
                self._waiting = self._waiting or bool(changes.deliveries)
                self._emit(changes)
                return len(changes.fired) + len(changes.resolved)
        return 0  # others change them meanwhile; the next turn decides

    def _report(self, judgement: Judgement) -> None:
        for rule, error in judgement.failed:
            if self._failed.get(rule) != error:
                self._failed[rule] = error
                self._store.emit(AlertRuleFailed(rule, error))
        for rule in judgement.judged:
            self._failed.pop(rule, None)

    def _emit(self, changes: Changes) -> None:
        for one in changes.fired:
            self._store.emit(
                AlertFired(
                    one.rule,
                    one.subject,
                    one.severity,
                    one.title,
                    one.count,
                    one.since,
                    one.error,
                    one.command,
                )
            )
        for one in changes.resolved:
            self._store.emit(AlertResolved(one.rule, one.subject, one.title, one.since))

    async def _prune(self, now: int) -> None:
        store = self._store.alerts
        if self._prune_at - _PRUNE_EVERY <= now < self._prune_at:
            return
        self._prune_at = now + _PRUNE_EVERY
        await store.forget(AlertKind.PAST, now - KEEP_PAST)
        await store.forget(AlertKind.DELIVERY, now - KEEP_DELIVERIES)
        await store.forget(AlertKind.SILENCE, now - KEEP_SILENCES)


def known_in(entries: Sequence[AlertEntry]) -> Known:
    """Return what the entries hold of alerts and silences; unreadable silences are left out."""
    incidents: dict[str, Incident | Unreadable] = {}
    silences: list[Silence] = []
    for row in entries:
        if row.kind is AlertKind.INCIDENT:
            incidents[row.key] = read(Incident, row.key, row.version, row.body)
        elif row.kind is AlertKind.SILENCE:
            silence = read(Silence, row.key, row.version, row.body)
            silences += [silence] if isinstance(silence, Silence) else []
    return Known(incidents=incidents, silences=tuple(silences))


def deliveries_in(entries: Sequence[AlertEntry]) -> tuple[Delivery, ...]:
    """Return the deliveries that can be read."""
    found = (
        read(Delivery, row.key, row.version, row.body)
        for row in entries
        if row.kind is AlertKind.DELIVERY
    )
    return tuple(one for one in found if isinstance(one, Delivery))


def _rows(changes: Changes) -> tuple[list[AlertEntry], list[AlertEntry]]:
    rows = [
        AlertEntry(AlertKind.INCIDENT, one.key, one.version, one.seen_at, written(one))
        for one in changes.incidents
    ]
    rows += [
        AlertEntry(AlertKind.DELIVERY, one.id, 0, one.at, written(one))
        for one in changes.deliveries
    ]
    rows += [
        AlertEntry(AlertKind.PAST, one.id, 0, one.changed_at, written(one))
        for one in changes.resolved
    ]
    drops = [AlertEntry(AlertKind.INCIDENT, key, version, 0) for key, version in changes.dropped]
    return rows, drops
