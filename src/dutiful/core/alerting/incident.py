"""The records of alerting: incidents, messages to sinks, silences, and how they are stored.

Each is kept as JSON in a row with a version. A row that cannot be read costs only itself: it is
listed as unreadable, and replaced or dropped by the next decision about its key.
"""

from __future__ import annotations

import hashlib
from fnmatch import fnmatchcase
from typing import Literal, TypeVar

import msgspec

from dutiful.core.notification import Notification, Severity

IncidentState = Literal["pending", "firing", "resolved"]


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: a rule and a subject; instants are microseconds, UTC, of the store's clock."""

    id: str
    """Another one each time that it becomes pending."""
    rule: str
    subject: str
    state: IncidentState
    severity: Severity = "warning"
    since: int
    """When the condition began."""
    first_at: int
    """When it was first seen beyond its limit."""
    seen_at: int
    """When it was last written down as seen."""
    changed_at: int
    count: int = 1
    title: str = ""
    text: str = ""
    error: str = ""
    command: str = ""
    firings: tuple[int, ...] = ()
    """When it began to fire, of late: how often it has changed."""
    clear_at: int | None = None
    """Since when the condition is no longer seen, while the alert still fires."""
    announced_at: int | None = None
    """When a message about this firing was made; None while it is silenced or cools down."""
    announced_to: tuple[str, ...] = ()
    last_announced_at: int | None = None
    escalated_at: int | None = None
    silenced_by: str | None = None
    """The id of the silence that keeps messages back."""
    version: int = 0
    """The row's; 0 for one that is not stored yet."""

    @property
    def key(self) -> str:
        """What at most one open incident has."""
        return key_of(self.rule, self.subject)


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A notification to one sink, kept until it is sent or given up."""

    id: str
    sink: str
    notification: Notification
    keys: tuple[str, ...]
    """Of the incidents that it is about."""
    at: int
    due_at: int
    attempt: int = 0
    claimed_until: int | None = None
    sent_at: int | None = None
    given_up: bool = False
    error: str = ""
    """Of the latest failed try."""
    version: int = 0

    @property
    def key(self) -> str:
        """What its row is found by."""
        return self.id

    @property
    def open(self) -> bool:
        """Whether it is still to be sent."""
        return self.sent_at is None and not self.given_up


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """No messages are made about matching alerts until its end."""

    id: str
    rule: str = "*"
    """A pattern, as of file names: ``queue-*``."""
    subject: str = "*"
    until: int
    reason: str = ""
    author: str = ""
    created_at: int = 0
    version: int = 0

    @property
    def key(self) -> str:
        """What its row is found by."""
        return self.id

    def covers(self, rule: str, subject: str, now: int) -> bool:
        """Whether it holds for an alert now."""
        return (
            now < self.until and fnmatchcase(rule, self.rule) and fnmatchcase(subject, self.subject)
        )


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A row that cannot be read."""

    key: str
    version: int


def key_of(rule: str, subject: str) -> str:
    """Return the key of an alert; names of rules have no slash."""
    return f"{rule}/{subject}"


def digest(*parts: str) -> str:
    """Return an id made from texts: the same ones give the same id."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()[:20]


Record = TypeVar("Record", Incident, Delivery, Silence)


def written(record: Incident | Delivery | Silence) -> str:
    """Write a record as JSON."""
    return msgspec.json.encode(record).decode()


def read(kind: type[Record], key: str, version: int, body: str) -> Record | Unreadable:
    """Read a stored record, whatever the row holds."""
    try:
        found = msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Unreadable(key=key, version=version)
    if found.key != key or not _sane(found):
        return Unreadable(key=key, version=version)
    return msgspec.structs.replace(found, version=version)


_FAR = 2**62


def _sane(record: Incident | Delivery | Silence) -> bool:
    """Whether every number can be calculated with and stored again."""
    numbers: list[object] = [getattr(record, name) for name in record.__struct_fields__]
    if isinstance(record, Delivery):
        numbers += [record.notification.since, record.notification.at]
    if isinstance(record, Incident):
        numbers += record.firings
    return all(abs(one) < _FAR for one in numbers if isinstance(one, int))
