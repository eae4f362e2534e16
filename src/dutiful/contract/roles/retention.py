"""The role of deleting jobs that ended long ago."""

from __future__ import annotations

from typing import Protocol


class Retention(Protocol):
    """Keeps the store small."""

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        """Delete up to ``limit`` jobs that ended in ``state`` more than ``older_than`` µs ago.

        Atomicity: one small transaction, which also counts them. On lost reply: call again.
        """
        ...
