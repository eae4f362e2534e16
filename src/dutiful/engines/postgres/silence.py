"""Measures how long a worker has been silent, even if the server's clock is set."""

from __future__ import annotations

from collections.abc import Callable

from dutiful.core.instant import SECOND

_STEP = SECOND
_NEVER = -(1 << 62)
_BLIND = 5 * SECOND
"""Microseconds without a look in which the clock may have been set there and back unseen."""


class SilenceMeter:
    """Measures silence by the server's clock and, if that was set, by the host's ticks.

    Leases are written by the server's wall clock, the only one that all hosts share. When it is
    set, every worker seems to have been silent, or to have renewed in the future. Then only the
    process's own observation counts: for how long a renewal has been the worker's last. The same
    is true for a process that has just started, or that could not look for a while: the clock may
    have been set just before.
    """

    def __init__(self, ticks: Callable[[], int]) -> None:
        """Start without observations; ``ticks`` are microseconds that cannot be set."""
        self._ticks = ticks
        self._ahead: int | None = None
        self._looked_at = 0
        self._blind_after = _BLIND
        self._stepped_at = _NEVER
        self._doubted_at = _NEVER
        """When the clock was set, or may have been set unseen, in ticks."""
        self._seen: dict[str, tuple[int, int]] = {}

    def joined(self, lease: int) -> None:
        """Note how seldom this process may look: a worker renews several times in its lease."""
        self._blind_after = max(_BLIND, lease // 2)

    def observe(self, server_now: int) -> None:
        """Note what the server's clock shows now."""
        ticks = self._ticks()
        ahead = server_now - ticks
        if self._ahead is None or ticks - self._looked_at > self._blind_after:
            self._doubted_at = ticks
        if self._ahead is not None and abs(ahead - self._ahead) > _STEP:
            self._doubted_at = self._stepped_at = ticks
        self._ahead, self._looked_at = ahead, ticks

    def renewed(self, worker: str, at: int) -> None:
        """Note that this process has just written a renewal, which the server dated ``at``.

        If the clock was set back, this may be the date of the worker's previous renewal.
        """
        self.observe(at)
        self._seen[worker] = (at, self._ticks())

    def silent_for(
        self, worker: str, renewed_at: int, by_server: int, lease: int, *, judged: bool = False
    ) -> int:
        """Return the microseconds since a renewal; ``by_server`` is the difference of its dates.

        Call it after `observe`. ``judged`` is for the decision that a worker is lost: it ignores
        readings of the clock that may be wrong.
        """
        ticks = self._ticks()
        last, since = self._seen.get(worker, (None, ticks))
        if last != renewed_at:
            since = ticks
            self._seen[worker] = (renewed_at, since)
        doubted_at = self._doubted_at if judged else self._stepped_at
        # The date of a renewal just before the clock was set cannot be compared with the time now.
        sure = since - doubted_at > lease
        return max(ticks - since, by_server) if sure else ticks - since

    def forget(self, known: set[str]) -> None:
        """Delete the observations of all other workers."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in known}
