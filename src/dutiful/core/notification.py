"""What is sent to people when an alert fires or resolves."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["warning", "critical"]


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One message about one alert, for one or more sinks; instants are microseconds, UTC.

    It may be sent more than once, if the sender dies before it has recorded that it was sent. The
    receiver knows the second one by its ``id``.
    """

    id: str
    """The same for every sending of this message."""
    kind: Literal["firing", "resolved", "escalated", "test"]
    rule: str
    """The rule's name, such as ``queue-age``."""
    subject: str
    """What the rule is about: the name of a queue, a task, a worker, a schedule; may be empty."""
    severity: Severity
    title: str
    """One line that says what happened."""
    text: str
    """The details: since when, how many, the commonest error."""
    command: str = ""
    """The command that shows more."""
    since: int
    """When the condition began."""
    at: int
    """When the alert changed to this state."""
    store: str = ""
    """The store, without any secret."""
