"""What ``app.alerts`` returns; instants are datetimes in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from dutiful.contract.roles.alert_store import AlertEntry, AlertKind
from dutiful.core.alerting.incident import Delivery, Incident, Silence, Unreadable, read
from dutiful.core.notification import Severity

from .reading import when


class DeliveryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A message about an alert to one sink."""

    id: str
    sink: str
    kind: str
    """``firing``, ``resolved`` or ``escalated``."""
    at: datetime
    sent_at: datetime | None
    attempt: int
    error: str
    """Of the latest failed try."""
    given_up: bool


class AlertRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as it was when it was looked up."""

    rule: str
    subject: str
    state: Literal["pending", "firing", "resolved"]
    """A pending one has not held for long enough."""
    severity: Severity
    since: datetime
    changed_at: datetime
    count: int
    title: str
    text: str
    error: str
    command: str
    announced_at: datetime | None
    silenced_by: str | None
    """The id of the silence that keeps messages back."""
    deliveries: tuple[DeliveryRecord, ...] = ()
    unreadable: str | None = None
    """Why it cannot be read; the other fields have safe values."""


class SilenceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A silence."""

    id: str
    rule: str
    subject: str
    until: datetime
    reason: str
    author: str
    created_at: datetime
    unreadable: str | None = None


class RuleRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A rule with the limit that applies where nothing else is configured."""

    name: str
    about: str
    above: float
    """As it is compared: microseconds for a span."""
    shown: str
    """The threshold as a person writes it."""
    hold: int
    """Microseconds."""
    severity: Severity
    on: bool
    own: bool
    """Whether the app's code adds it."""


def alert_records(
    entries: Iterable[AlertEntry], deliveries: Iterable[Delivery]
) -> tuple[AlertRecord, ...]:
    """Return alerts, those that fire first; resolved ones of the same list last."""
    sent: dict[str, list[Delivery]] = {}
    for one in sorted(deliveries, key=lambda each: each.at):
        for key in one.keys:
            sent.setdefault(key, []).append(one)
    found = [_alert(row, sent) for row in entries]
    order = {"firing": 0, "pending": 1, "resolved": 2}
    found.sort(key=lambda one: (order[one.state], one.severity != "critical", one.changed_at))
    return tuple(found)


def _alert(row: AlertEntry, sent: dict[str, list[Delivery]]) -> AlertRecord:
    one = read(Incident, row.key, row.version, row.body) if row.kind is AlertKind.INCIDENT else None
    if row.kind is AlertKind.PAST:
        one = past(row)
    if not isinstance(one, Incident):
        rule, _, subject = row.key.partition("/")
        at = when(row.at)
        return AlertRecord(
            rule=rule,
            subject=subject,
            state="resolved" if row.kind is AlertKind.PAST else "firing",
            severity="warning",
            since=at,
            changed_at=at,
            count=0,
            title="cannot be read",
            text="",
            error="",
            command="",
            announced_at=None,
            silenced_by=None,
            unreadable="body",
        )
    mine = [each for each in sent.get(one.key, ()) if each.at >= one.first_at]
    return AlertRecord(
        rule=one.rule,
        subject=one.subject,
        state=one.state,
        severity=one.severity,
        since=when(one.since),
        changed_at=when(one.changed_at),
        count=one.count,
        title=one.title,
        text=one.text,
        error=one.error,
        command=one.command,
        announced_at=when(one.announced_at),
        silenced_by=one.silenced_by,
        deliveries=tuple(_delivery(each) for each in mine),
    )


def past(row: AlertEntry) -> Incident | Unreadable:
    """Read an alert of the history, which is stored under its id."""
    key = _key_in(row.body)
    return read(Incident, key, row.version, row.body)


class _Named(msgspec.Struct, frozen=True):
    rule: str = ""
    subject: str = ""


def _key_in(body: str) -> str:
    try:
        named = msgspec.json.decode(body, type=_Named)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
    return f"{named.rule}/{named.subject}"


def _delivery(one: Delivery) -> DeliveryRecord:
    return DeliveryRecord(
        id=one.id,
        sink=one.sink,
        kind=one.notification.kind,
        at=when(one.at),
        sent_at=when(one.sent_at),
        attempt=one.attempt,
        error=one.error,
        given_up=one.given_up,
    )


def silence_record(row: AlertEntry) -> SilenceRecord:
    """Return a silence, readable or not."""
    one = read(Silence, row.key, row.version, row.body)
    if isinstance(one, Unreadable):
        at = when(row.at)
        return SilenceRecord(
            id=row.key,
            rule="",
            subject="",
            until=at,
            reason="",
            author="",
            created_at=at,
            unreadable="body",
        )
    return SilenceRecord(
        id=one.id,
        rule=one.rule,
        subject=one.subject,
        until=when(one.until),
        reason=one.reason,
        author=one.author,
        created_at=when(one.created_at),
    )
