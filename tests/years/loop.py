"""A loop that shows a fake clock's time: for code that asks the loop, and sleeps nowhere."""

from __future__ import annotations

import asyncio

from dutiful.core.instant import SECOND
from dutiful.testing import FakeClock


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """Timers do not fire on it; steps that are ready run."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def time(self) -> float:
        return self._clock.ticks() / SECOND
