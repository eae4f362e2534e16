"""asyncio's loop with a clock that tasks cannot replace."""

from __future__ import annotations

import asyncio
from time import monotonic


class SteadyLoop(asyncio.SelectorEventLoop):
    """Keeps the clock of its timers, whatever a task puts in the place of ``time.monotonic``."""

    def time(self) -> float:
        """Return the loop's time in seconds."""
        return monotonic()
