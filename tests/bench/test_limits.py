"""What the benchmark compares with a store: its own limits."""

from __future__ import annotations

import pytest

from dutiful.bench.limits import rates


def test_rates_that_are_compared_are_measured_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("dutiful.bench.limits.perf_counter", lambda: now)
    turns: list[str] = []

    def step(name: str, takes: float) -> int:
        nonlocal now
        now += takes
        if turns[-1:] != [name]:
            turns.append(name)
        return 1

    fast, slow = rates(1.0, lambda: step("fast", 0.01), lambda: step("slow", 0.02))
    assert (round(fast), round(slow)) == (100, 50)
    assert turns[:4] == ["fast", "slow", "fast", "slow"]
    assert len(turns) >= 20
