"""``app.alerts``: limits, rules and sinks of alerts; those that fire, their history, silences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.client.alerting import AlertSink, RuleFunction
from dutiful.client.ids import new_id
from dutiful.client.options import Span
from dutiful.contract.capability import Capability
from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alerting.incident import Delivery, Silence, read, written
from dutiful.core.alerting.rule import Limit, spell_above
from dutiful.core.errors import BadOption
from dutiful.core.instant import span
from dutiful.core.notification import Severity
from dutiful.core.text import line, shown

from .alert_records import (
    AlertRecord,
    RuleRecord,
    SilenceRecord,
    alert_records,
    silence_record,
)
from .app_protocol import Part
from .page import page_limit

_PATTERN_MAX, _REASON_MAX = 260, 500


class Alerts(Part):
    """Says when alerts fire and who is notified; lists and silences them.

    Every method that asks the store has an async version, whose name begins with ``a``.
    """

    def configure(self, **limits: Any) -> None:
        """Change limits: ``queue_age={"above": "5m", "for": "1m"}``, ``unknown_task="off"``.

        ``queues={"billing": {...}}`` and ``tasks={"charge": {...}}`` change them for a queue or a
        task. Spans of all alerts: ``clear_after``, ``cooldown``, ``escalate_after``, and ``every``,
        how often the rules are evaluated (5 s; half a second to a minute). These win over
        ``[tool.dutiful.alerts]``. BadOption for what cannot be read.
        """
        self._app.alerting.configure(limits)

    def rule(
        self,
        check: RuleFunction | None = None,
        *,
        name: str | None = None,
        above: float = 0,
        hold: Span = 0,
        severity: Severity = "warning",
    ) -> Any:
        """Add a rule, as a decorator: a function of a `Sample` that yields `Condition` values.

        It runs in a worker about every five seconds, on the worker's loop: it must be quick, and
        must not wait. One that raises costs itself only, and is an alert of its own.
        """
        limit = Limit(above=above, hold=span(hold), severity=severity)

        def decorate(function: RuleFunction) -> RuleFunction:
            self._app.alerting.add_rule(function, name, None, limit)
            return function

        return decorate if check is None else decorate(check)

    def add_sink(
        self,
        sink: AlertSink,
        *,
        severity: Severity = "warning",
        rules: Sequence[str] = ("*",),
        escalation: bool | Span = False,
    ) -> None:
        """Send messages to a sink: about all alerts, only about critical ones, or by rule.

        ``rules`` are names or patterns, such as ``queue-*``. With ``escalation`` it gets only
        alerts that still fire after ``escalate_after`` (30 minutes), or after the span that is
        given. A sink of the same name is replaced. Options that are given here replace those of
        ``alerts_routes``.
        """
        self._app.alerting.add_sink(
            sink, severity=severity, rules=list(rules), escalation=escalation
        )

    def rules(self) -> tuple[RuleRecord, ...]:
        """Return the rules with their general limits; asks no store."""
        alerting, settings = self._app.alerting, self._app.settings
        limits = (settings.alerts or alerting.limits).plus(alerting.limits)
        found: list[RuleRecord] = []
        for rule in alerting.known():
            limit = limits.of(rule)
            found.append(
                RuleRecord(
                    name=rule.name,
                    about=rule.about,
                    above=limit.above,
                    shown=spell_above(rule, limit.above),
                    hold=limit.hold,
                    severity=limit.severity,
                    on=limit.on and limits.on,
                    own=rule.name in alerting.rules,
                )
            )
        return tuple(found)

    async def alist(self) -> tuple[AlertRecord, ...]:
        """Return the alerts that fire or are pending, critical ones first."""
        kinds = (AlertKind.INCIDENT, AlertKind.DELIVERY)
        rows = await self._entries(*kinds)
        open_ones = [row for row in rows if row.kind is AlertKind.INCIDENT]
        found = alert_records(open_ones, _deliveries(rows))
        return tuple(one for one in found if one.state != "resolved")

    async def ahistory(self, limit: int = 50) -> tuple[AlertRecord, ...]:
        """Return resolved alerts of the last 30 days, latest first."""
        most = page_limit(limit)
        rows = await self._entries(AlertKind.PAST, most=most)
        found = alert_records(rows, _deliveries(await self._entries(AlertKind.DELIVERY)))
        return tuple(sorted(found, key=lambda one: one.changed_at, reverse=True))

    async def asilences(self) -> tuple[SilenceRecord, ...]:
        """Return the silences, also those that have ended in the last days."""
        return tuple(silence_record(row) for row in await self._entries(AlertKind.SILENCE))

    async def asilence(
        self,
        rule: str = "*",
        subject: str = "*",
        *,
        duration: Span,
        reason: str = "",
        author: str = "",
    ) -> SilenceRecord:
        """Send no messages about matching alerts for a time; patterns are as of file names.

        Alerts go on being evaluated and listed. One that still fires when the silence ends is
        announced then.
        """
        store = await self._store(Capability.ALERTS)
        now = (await store.alerts.entries(())).now
        if (lasts := span(duration)) <= 0:
            raise BadOption(f"duration={shown(duration)}; use more than 0 seconds")
        one = Silence(
            id=new_id(),
            rule=line(rule, "the rule's pattern", _PATTERN_MAX),
            subject=line(subject, "the subject's pattern", _PATTERN_MAX),
            until=now + lasts,
            reason=line(reason, "the reason", _REASON_MAX) if reason else "",
            author=line(author, "the author", _REASON_MAX) if author else "",
            created_at=now,
        )
        row = AlertEntry(AlertKind.SILENCE, one.id, 0, one.until, written(one))
        await store.alerts.write([row])
        return silence_record(row)

    async def aunsilence(self, silence_id: str) -> bool:
        """End a silence by its id or its first 8 or more characters; False if there is none."""
        store = await self._store(Capability.ALERTS)
        found = [
            row
            for row in (await store.alerts.entries((AlertKind.SILENCE,))).entries
            if row.key == silence_id or (len(silence_id) >= 8 and row.key.startswith(silence_id))
        ]
        if len(found) > 1:
            raise BadOption(f"{shown(silence_id)} begins {len(found)} silences; write more of it")
        return bool(found) and await store.alerts.write([], found)

    def list(self) -> tuple[AlertRecord, ...]:
        """Do what `alist` does, from sync code."""
        return self._run(self.alist())

    def history(self, limit: int = 50) -> tuple[AlertRecord, ...]:
        """Do what `ahistory` does, from sync code."""
        return self._run(self.ahistory(limit))

    def silences(self) -> tuple[SilenceRecord, ...]:
        """Do what `asilences` does, from sync code."""
        return self._run(self.asilences())

    def silence(
        self,
        rule: str = "*",
        subject: str = "*",
        *,
        duration: Span,
        reason: str = "",
        author: str = "",
    ) -> SilenceRecord:
        """Do what `asilence` does, from sync code."""
        return self._run(
            self.asilence(rule, subject, duration=duration, reason=reason, author=author)
        )

    def unsilence(self, silence_id: str) -> bool:
        """Do what `aunsilence` does, from sync code."""
        return self._run(self.aunsilence(silence_id))

    async def _entries(self, *kinds: AlertKind, most: int = 10_000) -> tuple[AlertEntry, ...]:
        store = await self._store(Capability.ALERTS)
        return (await store.alerts.entries(kinds, most)).entries


def _deliveries(rows: tuple[AlertEntry, ...]) -> tuple[Delivery, ...]:
    found = (
        read(Delivery, row.key, row.version, row.body)
        for row in rows
        if row.kind is AlertKind.DELIVERY
    )
    return tuple(one for one in found if isinstance(one, Delivery))
