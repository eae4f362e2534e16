"""What a sink is; your own is a class with a name and one method."""

from __future__ import annotations

from typing import Protocol

from dutiful.core.notification import Notification


class Sink(Protocol):
    """Takes notifications to people or to another program."""

    @property
    def name(self) -> str:
        """The name by which settings, reports and commands know the sink."""
        ...

    async def send(self, notification: Notification) -> None:
        """Deliver one notification, which may come again with the same id.

        It returns when the receiver has taken it, and raises NotSent when it has not; any other
        error counts as a failure that may be tried again. It must not block the loop, and is
        cancelled at its time limit.
        """
        ...
