"""The store's wall clock, calculated from its last known instant and this host's ticks."""

from __future__ import annotations

from dutiful.contract.clock import Clock


class StoreClock:
    """The clock that decides when a job is due; a worker's own clock may be wrong by hours.

    Each claim carries the instant at which the store made it; ticks measure the time since then.
    """

    def __init__(self, clock: Clock) -> None:
        """Use the host's wall clock until an instant of the store is known."""
        self._clock = clock
        self._offset: int | None = None

    def heard(self, at: int | None) -> None:
        """Take the store's present instant from a claim that it has just made."""
        if at is not None:
            self._offset = at - self._clock.ticks()

    @property
    def known(self) -> bool:
        """Whether an instant of the store is known."""
        return self._offset is not None

    def now(self) -> int:
        """Return the store's present instant, as far as it is known."""
        return self._clock.now() if self._offset is None else self._clock.ticks() + self._offset
