"""A call that the store cannot answer is repeated, ever more seldom, while there is time."""

from __future__ import annotations

import asyncio

import pytest

from dutiful import EngineError, EngineUnavailable, ReplyUnknown
from dutiful.core.event import EngineRecovered, EngineTroubled, Event
from dutiful.services.trouble import OutageReport
from dutiful.testing.clock import FakeClock
from dutiful.worker.store_retry import StoreRetry
from tests.unit.core.dice import Dice


class Asking:
    """A patience, the pauses that it made between calls, and what was emitted."""

    def __init__(self, patch: pytest.MonkeyPatch, *errors: Exception) -> None:
        self.errors = list(errors)
        self.events: list[Event] = []
        self.pauses: list[float] = []
        self.slept = 0.0
        self.store_retry = StoreRetry(
            OutageReport(self.events.append, FakeClock().ticks), Dice(0.5)
        )
        patch.setattr(asyncio, "sleep", self._sleep)

    async def ask(self, *, seconds: float = 1000) -> str:
        return await self.store_retry.ask(self._call, lambda: self.slept >= seconds)

    async def _call(self) -> str:
        self.pauses.append(round(self.slept - sum(self.pauses), 6))
        if self.errors:
            raise self.errors.pop(0)
        return "answer"

    async def _sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 0.1  # so that a stop is heeded soon
        self.slept += seconds


async def test_pauses_double_up_to_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking(monkeypatch, *[EngineUnavailable("away")] * 8)
    assert await asking.ask() == "answer"
    assert asking.pauses == [0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2]
    assert asking.store_retry.failures == 8
    assert [type(event) for event in asking.events] == [EngineTroubled, EngineRecovered]


async def test_chance_moves_a_pause_by_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking(monkeypatch, *[ReplyUnknown("cut")] * 3)
    asking.store_retry = StoreRetry(asking.store_retry.trouble, Dice(0.0, 0.9, 0.5))
    assert await asking.ask() == "answer"
    assert asking.pauses == [0, 0.025, 0.14, 0.2]


async def test_other_errors_are_not_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking(monkeypatch, EngineError("no such table"))
    with pytest.raises(EngineError, match="no such table"):
        await asking.ask()
    assert (asking.store_retry.failures, asking.events, asking.slept) == (0, [], 0)


async def test_a_call_is_made_once_though_there_is_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await Asking(monkeypatch).ask(seconds=0) == "answer"
    asking = Asking(monkeypatch, EngineUnavailable("away"))
    with pytest.raises(EngineUnavailable):
        await asking.ask(seconds=0)
    assert (asking.store_retry.failures, asking.events, asking.slept) == (1, [], 0)


async def test_a_pause_is_cut_short_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking(monkeypatch, *[EngineUnavailable("away")] * 9)
    with pytest.raises(EngineUnavailable):
        await asking.ask(seconds=1.7)
    assert asking.slept == pytest.approx(1.75)
    assert asking.store_retry.failures == 7
