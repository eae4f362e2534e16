"""An outage of the store, reported once when it begins and once when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

from dutiful.core.event import Emit, EngineRecovered, EngineTroubled
from dutiful.core.instant import SECOND

_LONG, _SETTLING = 5 * SECOND, 10 * SECOND


class OutageReport:
    """Shared by all parts of a worker process that call the store: each reports its calls.

    Trouble begins with the first call that fails. It is over when every part whose calls failed
    has been answered again, so a heartbeat that succeeds does not end it for the claims. May be
    used from any thread.
    """

    def __init__(self, emit: Emit, ticks: Callable[[], int]) -> None:
        """Start without trouble; ``ticks`` counts microseconds on a clock that is never set."""
        self._emit = emit
        self.ticks = ticks
        self._guard = threading.Lock()
        self._begun = False
        self._since = 0
        self._ended: int | None = None
        self._lasted = 0
        self._failing: set[str] = set()
        self.error = ""
        """What the first call of the latest trouble failed with."""

    @property
    def since(self) -> int | None:
        """Since when, by the ticks, the store has been in trouble; None when it is not."""
        return self._since if self._begun else None

    def settled(self) -> bool:
        """Whether workers have had the time to renew their leases since a long trouble.

        Until then a worker that could not use the store looks as if it were dead.
        """
        ended, ticks = self._ended, self.ticks()
        if self._begun:
            return ticks - self._since < _LONG
        return ended is None or self._lasted < _LONG or ticks - ended >= _SETTLING

    def met(self, who: str, error: Exception, began: int) -> None:
        """Note that a call failed because of the store; ``began`` are the ticks of its start.

        A call that began before the last trouble was over belongs to that one.
        """
        with self._guard:
            if not self._begun and self._ended is not None and began <= self._ended:
                return
            self._failing.add(who)
            if self._begun:
                return
            self._begun, self._since = True, self.ticks()
            self.error = str(error) or type(error).__name__
        self._emit(EngineTroubled(self.error))

    def answered(self, who: str) -> None:
        """Note that a call was answered."""
        if self._begun and self._ends_with(who):
            self._emit(EngineRecovered((self.ticks() - self._since) / 1_000_000))

    def left(self, who: str) -> None:
        """Forget a part that stops calling; that alone does not end the trouble."""
        with self._guard:
            self._failing.discard(who)

    def _ends_with(self, who: str) -> bool:
        """Remove a part from those whose calls fail; return whether it was the last."""
        with self._guard:
            self._failing.discard(who)
            if self._failing or not self._begun:
                return False
            self._begun, self._ended = False, self.ticks()
            self._lasted = self._ended - self._since
            return True
