"""The dead-man's signal goes out while the services work, and only then."""

from __future__ import annotations

import pytest

from dutiful.core.errors import EngineUnavailable, NotSent
from dutiful.core.event import Event, PingsResumed, PingsStopped
from dutiful.core.retry import Random
from dutiful.services.dead_man_service import DeadManService
from dutiful.services.turns import LATE, Turns


class Half:
    def random(self) -> float:
        return 0.5


class Receiver:
    """Takes calls, or refuses them."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.failure: NotSent | None = None

    async def ping(self) -> None:
        self._take("ping")

    async def fail(self, why: str) -> None:
        self._take(f"fail: {why}")

    def _take(self, text: str) -> None:
        self.got.append(text)
        if self.failure is not None:
            raise self.failure


class World:
    """One service under the eyes of another, on a clock that the test moves."""

    def __init__(self) -> None:
        self.receiver = Receiver()
        self.events: list[Event] = []
        self.why: str | None = None
        self.service = DeadManService(self.receiver, lambda: self.why, 60.0, self.events.append)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_ping_at_each_turn(world: World) -> None:
    assert [await world.service.run_once() for _ in range(3)] == [1, 1, 1]
    assert world.receiver.got == ["ping"] * 3
    assert world.events == []
    assert world.service.rest(Half()) == 60.0


async def test_a_problem_is_silence_and_one_report(world: World) -> None:
    world.why = "the scheduler is late"
    for _ in range(5):
        assert await world.service.run_once() == 0
    assert world.receiver.got == ["fail: the scheduler is late"]
    assert world.events == [PingsStopped("the scheduler is late")]
    world.why = None
    await world.service.run_once()
    assert world.events[1:] == [PingsResumed()]
    assert world.receiver.got[-1] == "ping"
    world.why = "again"
    await world.service.run_once()
    await world.service.run_once()
    assert world.receiver.got[-1] == "fail: again"


async def test_a_short_problem_reaches_no_monitor(world: World) -> None:
    world.why = "the scheduler is late"
    await world.service.run_once()
    world.why = None
    await world.service.run_once()
    assert world.receiver.got == ["ping"]


async def test_pings_that_fail_are_reported_once_and_repeated_soon(world: World) -> None:
    world.receiver.failure = NotSent("answered 500")
    for _ in range(4):
        assert await world.service.run_once() == 0
    assert world.events == [PingsStopped("the monitor did not take it: answered 500")]
    assert world.service.rest(Half()) == 10.0
    world.receiver.failure = None
    await world.service.run_once()
    assert world.events[1:] == [PingsResumed()]
    assert world.service.rest(Half()) == 60.0


async def test_a_report_that_fails_stops_nothing(world: World) -> None:
    world.why, world.receiver.failure = "late", NotSent("no answer")
    for _ in range(3):
        await world.service.run_once()
    assert len(world.receiver.got) == 1


class Duty:
    """A service that a test lets fail."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.error: Exception | None = None

    def rest(self, rng: Random) -> float:
        return 7.0

    async def run_once(self) -> int:
        if self.error is not None:
            raise self.error
        return 3


async def test_turns_that_end_without_an_error_count() -> None:
    now = 0
    turns = Turns(lambda: now)
    duty, other = Duty("rescuer"), Duty("pruner")
    one, kept = turns.recorded([duty, other], ("rescuer", "scheduler"))
    assert kept is other  # nobody waits for it, so nobody watches it
    assert (one.name, one.rest(Half())) == ("rescuer", 7.0)
    now = LATE
    assert turns.problem() is None
    now = LATE + 1_000_000
    assert turns.problem() == "the rescuer has not ended a turn for 1m31s"
    duty.error = EngineUnavailable("gone")
    with pytest.raises(EngineUnavailable):
        await one.run_once()
    assert turns.problem() is not None
    duty.error = None
    assert await one.run_once() == 3
    assert turns.problem() is None
