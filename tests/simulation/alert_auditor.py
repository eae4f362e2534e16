"""Sees every write about alerts, and everything that reaches a sink."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from dutiful.contract.roles.alert_store import AlertEntry, AlertKind, next_version
from dutiful.core.alerting.incident import Delivery, Incident, Unreadable, read
from dutiful.core.alerting.sending import CLAIM

from .clocks import WorldClock

QUIET = "weather/calm"
"""The alert about something that is never wrong."""
Fail = Callable[[str], NoReturn]


class AlertAuditor:
    """Mirrors the rows, and fails at the first that does not follow from the one before."""

    def __init__(self, clock: WorldClock, fail: Callable[[str], Any]) -> None:
        self._clock, self._fail = clock, fail
        self._rows: dict[tuple[AlertKind, str], AlertEntry] = {}
        self._turns: dict[str, int] = {}
        self._announced: set[tuple[str, str, str]] = set()
        self.incidents: dict[str, Incident] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.fired: dict[str, str] = {}
        """Keys of alerts by the ids of those that have fired."""
        self.resolved: set[str] = set()
        self.history: set[str] = set()
        self.received: dict[str, int] = {}
        """How often each message has arrived."""
        self.counted = 0
        """Successes that workers have added to the counts by minute."""
        self.steps = 0
        """How often the store's clock has been set."""

    def perform(self, op: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Make a call on the engine, and look at what it changed."""
        now = self._clock.now()
        result = call()
        if op == "alerts_turn":
            self._turn(*args, result, now)
        elif op == "alerts_write":
            self._write(*args, result, now)
        elif op == "alerts_forget" and result:
            self._fail(f"{result} rows were forgotten, none of which is a day old")
        elif op == "activity_add":
            self.counted += sum(one.succeeded for one in args[0] if one.kind == "task") // 2
        return result

    def arrived(self, delivery_id: str) -> None:
        """Hear that a sink has taken a message."""
        if delivery_id not in self.deliveries:
            self._fail(f"a message arrived that is not stored: {delivery_id}")
        self.received[delivery_id] = self.received.get(delivery_id, 0) + 1

    def _turn(self, name: str, every: int, result: int | None, now: int) -> None:
        last = self._turns.get(name)
        free = last is None or not now - every < last <= now
        if (result is not None) != free:
            self._fail(f"the turn of {name} at {now} was {result}; the last one was at {last}")
        if result is not None:
            self._turns[name] = now

    def _write(
        self, entries: Sequence[AlertEntry], drops: Sequence[AlertEntry], result: bool, now: int
    ) -> None:
        stored = {(one.kind, one.key): self._version(one) for one in (*entries, *drops)}
        right = all(stored[one.kind, one.key] == one.version for one in (*entries, *drops))
        if result != right:
            self._fail(f"a write over {stored} answered {result}: {[*entries, *drops]}")
        if not result:
            return
        written: dict[str, Incident] = {}
        for one in entries:
            self._rows[one.kind, one.key] = AlertEntry(
                one.kind, one.key, next_version(one.version), one.at
            )
            if one.kind is AlertKind.INCIDENT:
                written[one.key] = self._incident(self._read(Incident, one))
        for one in entries:
            if one.kind is AlertKind.DELIVERY:
                self._delivery(self._read(Delivery, one), written, now)
            elif one.kind is AlertKind.PAST:
                self.history.add(one.key)
        for one in drops:
            self._rows.pop((one.kind, one.key), None)
            gone = self.incidents.pop(one.key, None)
            if gone is not None and gone.state == "firing":
                self._fail(f"an alert that fires was dropped: {gone}")

    def _version(self, one: AlertEntry) -> int:
        known = self._rows.get((one.kind, one.key))
        return 0 if known is None else known.version

    def _read(self, kind: Any, one: AlertEntry) -> Any:
        found = read(kind, one.key, one.version, one.body)
        if isinstance(found, Unreadable):
            self._fail(f"a row cannot be read: {one}")
        return found

    def _incident(self, new: Incident) -> Incident:
        old, self.incidents[new.key] = self.incidents.get(new.key), new
        fires = old is not None and old.state == "firing"
        if fires and old is not None and old.id != new.id:
            self._fail(f"an alert was replaced while it fired: {old} {new}")
        if new.state == "firing" and not fires:
            if new.id in self.fired or new.key == QUIET:
                self._fail(f"an alert fired that must not: {new}")
            self.fired[new.id] = new.key
        if new.state != "firing" and fires:
            if new.state != "resolved" or new.id in self.resolved:
                self._fail(f"an alert that fired was not resolved once: {old} {new}")
            self.resolved.add(new.id)
        return new

    def _delivery(self, new: Delivery, written: Mapping[str, Incident], now: int) -> None:
        old, self.deliveries[new.id] = self.deliveries.get(new.id), new
        kind = new.notification.kind
        if old is None:
            for key in new.keys:
                about = (new.sink, kind, written[key].id)
                before = (new.sink, "firing", written[key].id) in self._announced
                before |= (new.sink, "escalated", written[key].id) in self._announced
                if about in self._announced or (kind == "resolved" and not before):
                    self._fail(f"{about} is announced twice, or its end without its beginning")
                self._announced.add(about)
            return
        if not old.open:
            self._fail(f"a message was changed after its end: {old} {new}")
        claims = new.attempt > old.attempt
        held = old.claimed_until is not None and now < old.claimed_until <= now + CLAIM
        if claims and held and not self.steps:
            self._fail(f"a message was claimed twice: {old} {new}")
        if new.given_up:
            self._fail(f"a message was given up: {new}")
        if new.sent_at is not None and new.id not in self.received:
            self._fail(f"a message was recorded as sent, and never arrived: {new}")
