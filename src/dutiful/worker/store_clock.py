"""The store's wall clock, calculated from what the store last said and this host's ticks."""

from __future__ import annotations

from dutiful.contract.clock import Clock


class StoreClock:
    """What decides dueness is the store's clock; a worker's own may be wrong by hours.

    Each claim carries the instant at which the store gave it; ticks say how long ago that was.
    """

    def __init__(self, clock: Clock) -> None:
        """Go by the host's own wall clock until the store has been heard."""
        self._clock = clock
        self._offset: int | None = None

    def heard(self, at: int | None) -> None:
        """Take the store's now from a claim that it has just made."""
        if at is not None:
            self._offset = at - self._clock.ticks()

    @property
    def known(self) -> bool:
        """Whether the store has been heard."""
        return self._offset is not None

    def now(self) -> int:
        """Return the store's present instant, as far as it is known."""
        return self._clock.now() if self._offset is None else self._clock.ticks() + self._offset
