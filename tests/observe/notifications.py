"""Notifications to send."""

from __future__ import annotations

import msgspec

from dutiful.core.notification import Notification

ONE = Notification(
    id="n-1",
    kind="firing",
    rule="queue-age",
    subject="billing",
    severity="critical",
    title="Queue billing: the oldest job has waited for 12 minutes",
    text="320 jobs are queued.\nCommonest error: CardDeclined (41)",
    command="dutiful jobs list --queue billing",
    since=1_767_225_600_000_000,
    at=1_767_225_660_000_000,
    store="postgresql://me:***@db/shop",
)


def like(**changes: object) -> Notification:
    """Return the same notification with other fields."""
    return msgspec.structs.replace(ONE, **changes)
