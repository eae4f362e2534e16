"""Tells how long a worker has been silent, though the server's clock may be stepped."""

from __future__ import annotations

from collections.abc import Callable

from dutiful.core.instant import SECOND

_STEP = SECOND
_NEVER = -(1 << 62)
_BLIND = 5 * SECOND
"""After so long without a look a clock may have been stepped there and back."""


class SilenceMeter:
    """Measures silence by the server's clock and, where that was stepped, by the host's ticks.

    Leases are written by the server's wall clock, the only one that all machines share. When it
    is stepped every worker seems to have been silent, or to come from the future; then only what
    this process has seen itself counts: how long a renewal has stayed the worker's last. The same
    holds for a process that has just begun, or could not look for a while: it cannot know of a
    step right before.
    """

    def __init__(self, ticks: Callable[[], int]) -> None:
        """Start without an opinion; ``ticks`` are microseconds that nobody can step."""
        self._ticks = ticks
        self._ahead: int | None = None
        self._looked_at = 0
        self._blind_after = _BLIND
        self._stepped_at = _NEVER
        self._doubted_at = _NEVER
        """When a step was seen, or might have come unseen."""
        self._seen: dict[str, tuple[int, int]] = {}

    def joined(self, lease: int) -> None:
        """Learn how seldom this process may look: a worker renews several times a lease."""
        self._blind_after = max(_BLIND, lease // 2)

    def observe(self, server_now: int) -> None:
        """Learn what the server's clock shows now."""
        ticks = self._ticks()
        ahead = server_now - ticks
        if self._ahead is None or ticks - self._looked_at > self._blind_after:
            self._doubted_at = ticks
        if self._ahead is not None and abs(ahead - self._ahead) > _STEP:
            self._doubted_at = self._stepped_at = ticks
        self._ahead, self._looked_at = ahead, ticks

    def renewed(self, worker: str, at: int) -> None:
        """Learn that this process has just written a renewal, which the server dated so.

        After a step back the date may be the one that the worker's last renewal bore.
        """
        self.observe(at)
        self._seen[worker] = (at, self._ticks())

    def silent_for(
        self, worker: str, renewed_at: int, by_server: int, lease: int, *, judged: bool = False
    ) -> int:
        """Return the microseconds since a renewal; ``by_server`` is what the clocks' readings say.

        Call it after `observe`. ``judged`` is for the decision that a worker is lost: it leaves out
        whatever the clocks may have told wrongly.
        """
        ticks = self._ticks()
        last, since = self._seen.get(worker, (None, ticks))
        if last != renewed_at:
            since = ticks
            self._seen[worker] = (renewed_at, since)
        doubted_at = self._doubted_at if judged else self._stepped_at
        # Written shortly before a step, a renewal would be read by two clocks.
        sure = since - doubted_at > lease
        return max(ticks - since, by_server) if sure else ticks - since

    def forget(self, known: set[str]) -> None:
        """Keep only what concerns these workers."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in known}
