"""What happens to alerts, as values; `event` has them in its union."""

from __future__ import annotations

import msgspec


class AlertFired(msgspec.Struct, frozen=True, tag=True):
    """An alert began to fire; emitted by one process, whether a message is sent or not."""

    rule: str
    subject: str
    severity: str
    title: str
    count: int
    since: int
    error: str = ""
    """The commonest error."""
    command: str = ""
    """The command that shows more."""


class AlertResolved(msgspec.Struct, frozen=True, tag=True):
    """An alert no longer fires; emitted by one process."""

    rule: str
    subject: str
    title: str
    since: int


class AlertRuleFailed(msgspec.Struct, frozen=True, tag=True):
    """A rule of alerts raised an error; its alerts stay as they are, the other rules go on."""

    rule: str
    error: str


class AlertNotSent(msgspec.Struct, frozen=True, tag=True):
    """A message about an alert could not be sent to a sink; it is tried again."""

    sink: str
    error: str
    attempt: int
    given_up: bool = False
    """Whether this was the last try."""


AlertEvent = AlertFired | AlertResolved | AlertRuleFailed | AlertNotSent
