"""A rate is kept, and time that was lost is not made up for in a burst."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest

from dutiful.manage.pace import Pace


async def test_lost_time_is_not_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, lost = asyncio.get_running_loop(), 0.0
    monkeypatch.setattr(loop, "time", lambda: time.monotonic() + lost)
    pace = Pace(50, None)
    assert pace.size == 10
    begun: list[float] = []
    for batch in range(5):
        await pace.goes_on(10 * batch)
        begun.append(loop.time())
        lost += 100 if batch == 1 else 0  # such as a laptop that sleeps
    gaps = [later - earlier for earlier, later in pairwise(begun)]
    assert gaps[1] >= 100
    assert [gap for gap in (gaps[0], *gaps[2:]) if gap < 10 / 50 - 0.02] == []
