"""The text of a notification, for people."""

from __future__ import annotations

from dutiful.core.instant import iso
from dutiful.core.notification import Notification
from dutiful.core.text import visible

_MARKS = {"firing": "FIRING", "resolved": "RESOLVED", "escalated": "STILL FIRING", "test": "TEST"}
TITLE_MAX, TEXT_MAX = 200, 3_000
"""In characters; what is longer is cut, since receivers refuse long texts."""


def title(notification: Notification) -> str:
    """Write one line that says what happened.

    The text comes from jobs and errors too: control characters are made visible.
    """
    mark = _MARKS[notification.kind]
    if notification.kind == "firing" and notification.severity == "critical":
        mark = "CRITICAL"
    return _cut(f"[{mark}] {visible(notification.title)}", TITLE_MAX)


def text(notification: Notification) -> str:
    """Write the details below the title: since when, where, and what shows more."""
    lines = [visible(line) for line in notification.text.splitlines()]
    lines.append(f"Since: {iso(notification.since)}")
    if notification.kind == "resolved":
        lines.append(f"Until: {iso(notification.at)}")
    if notification.store:
        lines.append(f"Store: {visible(notification.store)}")
    if notification.command:
        lines.append(f"More: {visible(notification.command)}")
    return "\n".join(_cut(line, TEXT_MAX) for line in lines)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
