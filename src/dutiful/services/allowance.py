"""How often something that takes long may be done again."""

from __future__ import annotations

from collections.abc import Callable


class Allowance:
    """Allows one part in ``share`` of the time; nevertheless again after ``most`` microseconds."""

    def __init__(self, ticks: Callable[[], int], share: int, most: int, least: int = 0) -> None:
        """Allow the first time now, and others ``least`` microseconds apart at least."""
        self._ticks = ticks
        self._share, self._most, self._least = share, most, least
        self._next_at = 0

    def allows(self) -> bool:
        """Whether it may be done now."""
        return self._ticks() >= self._next_at

    def took(self, began: int) -> None:
        """Note that it was done, and has taken the time since the ticks ``began``."""
        now = self._ticks()
        self._next_at = now + min(max((now - began) * self._share, self._least), self._most)

    def reset(self) -> None:
        """Allow it now, because a person has asked for it."""
        self._next_at = 0
