"""What a heart does at each beat, on ticks that a test sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from dutiful import EngineUnavailable
from dutiful.contract.roles.fleet import Renewal
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.testing.clock import FakeClock
from dutiful.worker.heartbeat import Heartbeat

LEASE = Lease(length=10 * SECOND, heartbeat=SECOND)
WELL = Renewal(valid=True)
CALM = Renewal(valid=True, calm=True)


class Told:
    """A heart, the store that answers it, and everything that it told."""

    def __init__(self, *answers: Renewal | Exception) -> None:
        self.clock = FakeClock()
        self.clock.advance("1000s")
        self.answers = list(answers)
        self.renewed: list[tuple[str, int]] = []
        self.said: list[Any] = []
        self.asked: list[Callable[[], None]] = []
        self.idle = False
        self.heartbeat = Heartbeat(
            cast(Any, self),
            "w",
            LEASE,
            self.clock,
            on_lost=lambda: self.said.append("lost"),
            on_cancels=self.said.append,
            on_fault=lambda error: self.said.append(("fault", error)),
            on_stalled=lambda seconds: self.said.append(("stalled", seconds)),
            on_answer=lambda error, began: self.said.append((error, began)),
            ask=self.asked.append,
            idle=lambda: self.idle,
        )

    async def renew(self, worker: str, stalled_for: int = 0) -> Renewal:
        self.renewed.append((worker, stalled_for))
        answer = self.answers.pop(0) if self.answers else WELL
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def beats(self, after: str = "1s", *, answers: bool = True) -> float:
        """Beat after a time; return the pause until the next beat."""
        self.clock.advance(after)
        await self.heartbeat.renew()
        if answers:
            while self.asked:
                self.asked.pop()()
        return self.heartbeat._pause()


async def test_a_renewal_that_fails_is_tried_again_four_times_as_soon() -> None:
    away = EngineUnavailable("away")
    told = Told(WELL, away, WELL)
    assert await told.beats() == 1
    assert await told.beats() == 0.25
    assert await told.beats() == 1
    began = 1001 * SECOND
    assert told.said == [(None, began), (away, began + SECOND), (None, began + 2 * SECOND)]
    assert told.heartbeat.valid()


async def test_an_idle_worker_beats_half_as_often_while_all_are_calm() -> None:
    told = Told(CALM, CALM, WELL, CALM, EngineUnavailable("away"))
    assert await told.beats() == 1
    assert told.heartbeat.calm
    told.idle = True
    assert await told.beats() == 2
    assert await told.beats() == 1
    assert not told.heartbeat.calm
    assert await told.beats() == 2
    assert await told.beats() == 0.25
    assert not told.heartbeat.calm


async def test_a_beat_comes_no_later_than_the_deadline() -> None:
    told = Told(*[EngineUnavailable("away")] * 3)
    deadline = LEASE.deadline(0) / SECOND
    assert await told.beats(f"{deadline - 0.1}s") == pytest.approx(0.1)
    assert told.heartbeat.valid()
    assert await told.beats("0.2s") == 0
    assert not told.heartbeat.valid()
    assert told.said[2:] == ["lost"]


async def test_an_error_that_is_not_of_the_store_is_a_fault_and_no_end() -> None:
    fault = LookupError("of our own code")
    told = Told(fault)
    assert await told.beats() == 0.25
    assert told.said == [("fault", fault)]
    assert told.heartbeat.valid()


async def test_a_worker_that_was_declared_lost_is_lost_once() -> None:
    told = Told(Renewal(valid=False, cancels=("1",)), Renewal(valid=False))
    await told.beats()
    await told.beats()
    assert told.heartbeat.lost
    assert not told.heartbeat.valid()
    assert told.said.count("lost") == 1
    assert ("1",) not in told.said


async def test_a_heart_that_was_stopped_loses_nothing() -> None:
    told = Told(Renewal(valid=False))
    told.heartbeat.stop()
    await told.beats()
    assert not told.heartbeat.lost
    assert "lost" not in told.said


async def test_cancels_are_passed_on() -> None:
    told = Told(Renewal(valid=True, cancels=("1", "2")))
    await told.beats()
    assert told.said[1:] == [("1", "2")]


async def test_a_loop_that_owes_an_answer_for_two_beats_is_told_once_and_to_the_store() -> None:
    told = Told()
    for _ in range(4):
        await told.beats(answers=False)
    assert told.renewed == [("w", 0), ("w", 0), ("w", 2 * SECOND), ("w", 3 * SECOND)]
    assert [one for one in told.said if one[0] == "stalled"] == [("stalled", 2.0)]
    assert len(told.asked) == 1


async def test_a_loop_that_answered_is_asked_anew() -> None:
    told = Told()
    for _ in range(2):
        await told.beats(answers=False)
        await told.beats("1.9s", answers=False)
        await told.beats(answers=True)
        await told.beats(answers=True)
    assert [stalled for _, stalled in told.renewed] == [0, 0, 2_900_000, 0] * 2
    assert [one for one in told.said if one[0] == "stalled"] == [("stalled", 2.9)] * 2


async def test_a_lease_counts_from_the_joining() -> None:
    told = Told()
    told.clock.advance("1h")
    assert not told.heartbeat.valid()
    told.heartbeat.start()
    assert told.heartbeat.valid()
