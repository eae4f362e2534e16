"""How long a silent worker keeps its claims, and when it must stop using them."""

from __future__ import annotations

import msgspec

from .errors import BadOption
from .instant import SECOND


class Lease(msgspec.Struct, frozen=True):
    """The spans of a lease, in microseconds, and what follows from them."""

    length: int = 10 * SECOND
    heartbeat: int = 2 * SECOND
    """How often it is renewed; several renewals may fail before it runs out."""

    def __post_init__(self) -> None:
        """Refuse a heartbeat that leaves no room for one that fails."""
        if not 0 < self.heartbeat * 2 <= self.length:
            raise BadOption("the heartbeat must be at most half of the lease")

    def deadline(self, renewed_at: int) -> int:
        """When a worker must have stopped its own jobs, by its own monotonic clock.

        It counts from before the renewal was sent and ends one heartbeat early, so the worker stops
        before any rescuer, whose count starts when the store wrote the renewal, may begin.
        """
        return renewed_at + self.length - self.heartbeat
