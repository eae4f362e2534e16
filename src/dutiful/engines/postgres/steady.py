"""Tells how long a worker has been silent, though the server's clock may be stepped."""

from __future__ import annotations

from collections.abc import Callable

from dutiful.core.instant import SECOND

_STEP = SECOND


class Steady:
    """Measures silence by the server's clock and, where that was stepped, by the host's ticks.

    Leases are written by the server's wall clock, the only one that all machines share. When it
    is stepped every worker seems to have been silent, or to come from the future; then only what
    this process has seen itself counts: how long a renewal has stayed the worker's last.
    """

    def __init__(self, ticks: Callable[[], int]) -> None:
        """Start without an opinion; ``ticks`` are microseconds that nobody can step."""
        self._ticks = ticks
        self._ahead: int | None = None
        self._stepped_at: int | None = None
        self._seen: dict[str, tuple[int, int]] = {}

    def observe(self, server_now: int) -> None:
        """Learn what the server's clock shows now."""
        ticks = self._ticks()
        ahead = server_now - ticks
        if self._ahead is not None and abs(ahead - self._ahead) > _STEP:
            self._stepped_at = ticks
        self._ahead = ahead

    def silent_for(self, worker: str, renewed_at: int, by_server: int, lease: int) -> int:
        """Return the microseconds since a renewal; ``by_server`` is what the clocks' readings say.

        Call it after `observe`.
        """
        ticks = self._ticks()
        last, since = self._seen.get(worker, (None, ticks))
        if last != renewed_at:
            self._seen[worker] = (renewed_at, ticks)
            trusted = self._stepped_at is None or ticks - self._stepped_at > lease
            return by_server if trusted else 0
        if self._stepped_at is None or self._stepped_at < since:
            return max(by_server, ticks - since)
        return ticks - since

    def forget(self, known: set[str]) -> None:
        """Keep only what concerns these workers."""
        self._seen = {name: seen for name, seen in self._seen.items() if name in known}
