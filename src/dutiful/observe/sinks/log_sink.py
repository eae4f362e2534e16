"""The sink that is always there: notifications as lines of the log."""

from __future__ import annotations

import logging

from dutiful.core.notification import Notification
from dutiful.core.sink_url import LOG
from dutiful.core.text import visible

from .notification_text import title

_LOG = logging.getLogger("dutiful.alerts")


class LogSink:
    """Writes each notification to the logger ``dutiful.alerts``; it cannot fail.

    A critical alert is an error, another one a warning, all else information.
    """

    name = LOG

    async def send(self, notification: Notification) -> None:
        """Write one line."""
        details = " ".join(visible(line) for line in notification.text.splitlines())
        if notification.command:
            details += f" (see: {visible(notification.command)})"
        _LOG.log(_level(notification), "%s: %s", title(notification), details)

    def __repr__(self) -> str:
        """Name the class."""
        return "LogSink()"


def _level(notification: Notification) -> int:
    if notification.kind not in ("firing", "escalated"):
        return logging.INFO
    return logging.ERROR if notification.severity == "critical" else logging.WARNING
