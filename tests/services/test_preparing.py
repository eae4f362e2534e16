"""A hook that hangs over the jobs of one schedule holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from dutiful.core.event import ScheduleBroken
from dutiful.core.job import NewJob
from dutiful.testing import FakeClock
from tests.services.test_scheduler import World, every
from tests.years.loop import FakeTimeLoop


class Hooks:
    """Hooks whose end a test decides about; jobs of ``good`` pass at once."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.cancelled = 0
        self.stubborn = False
        self.raises: BaseException | None = None
        self.gate = asyncio.Event()

    async def prepare(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        task = jobs[0].task
        self.calls.append(task)
        while task == "bad" and not self.gate.is_set():
            if self.raises is not None:
                raise self.raises
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                if not self.stubborn:
                    raise
        return [replace(job, meta={**job.meta, "seen": "yes"}) for job in jobs]


@pytest.fixture
def world() -> Iterator[World]:
    clock = FakeClock()
    with asyncio.Runner(loop_factory=lambda: FakeTimeLoop(clock)) as runner:
        yield World(runner, clock)


@pytest.fixture
def hooks(world: World) -> Iterator[Hooks]:
    """Hooks, and the schedules ``a-bad`` and ``b-good`` that are due."""
    made = Hooks()
    world.put(every("a-bad", task="bad"), every("b-good", task="good"))
    world.clock.advance("1m")
    yield made
    made.gate.set()


@pytest.mark.parametrize("stubborn", [False, True])
def test_one_that_hangs_breaks_its_schedule_alone(
    world: World, hooks: Hooks, stubborn: bool
) -> None:
    hooks.stubborn = stubborn
    scheduler = world.scheduler(prepare=hooks.prepare, hooks_wait=0)
    assert world.turn(scheduler) == 1
    assert world.made() == ["b-good"]
    assert world.rest(scheduler) == 1.0, "it looks again whether the hooks have ended"
    world.clock.advance("29s")
    assert world.turn(scheduler) == 0
    assert not world.of(ScheduleBroken)
    world.clock.advance("1s")
    assert world.turn(scheduler) == 0
    (reported,) = world.of(ScheduleBroken)
    assert reported.schedule == "a-bad"
    assert reported.error == "TimeoutError: its on_enqueue hooks have not ended within 30 s"
    assert world.rest(scheduler) == 5.0
    assert hooks.calls == ["bad", "good"]
    world.clock.advance("30s")
    assert world.turn(scheduler) == 1
    assert world.made() == ["b-good", "b-good"]
    assert hooks.cancelled == 1


def test_many_that_hang_cost_no_more_than_one(world: World, hooks: Hooks) -> None:
    world.put(*(every(f"a-{number}", task="bad") for number in range(20)))
    world.clock.advance("1m")
    scheduler = world.scheduler(prepare=hooks.prepare, hooks_wait=0)
    world.turn(scheduler)
    assert set(world.made()) == {"b-good"}
    world.clock.advance("30s")
    world.turn(scheduler)
    assert len(world.of(ScheduleBroken)) == 21


def test_what_slow_hooks_have_made_is_taken_later_and_once(world: World, hooks: Hooks) -> None:
    scheduler = world.scheduler(prepare=hooks.prepare, hooks_wait=0)
    assert world.turn(scheduler) == 1
    world.clock.advance("5s")
    assert world.turn(scheduler) == 0
    hooks.gate.set()
    world.runner.run(asyncio.sleep(0))
    assert world.turn(scheduler) == 1
    assert world.turn(scheduler) == 0
    assert hooks.calls == ["bad", "good"]
    assert world.made() == ["a-bad", "b-good"]
    assert all(job.meta["seen"] for job in world.engine.tables.jobs.values())
    assert not world.of(ScheduleBroken)


def test_a_move_that_another_scheduler_makes_is_forgotten(world: World, hooks: Hooks) -> None:
    scheduler = world.scheduler(prepare=hooks.prepare, hooks_wait=0)
    world.turn(scheduler)
    assert world.turn(world.scheduler()) == 1
    world.turn(scheduler)
    world.runner.run(asyncio.sleep(0))
    assert hooks.cancelled == 1
    world.clock.advance("1m")
    assert world.turn(scheduler) == 1
    assert hooks.calls == ["bad", "good", "bad", "good"]


def test_what_is_still_with_the_hooks_ends_with_the_scheduler(world: World, hooks: Hooks) -> None:
    scheduler = world.scheduler(prepare=hooks.prepare, hooks_wait=0)
    world.turn(scheduler)
    scheduler.close()
    world.runner.run(asyncio.sleep(0))
    assert hooks.cancelled == 1


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3)])
def test_a_hook_that_raises_what_ends_tasks_breaks_its_schedule_alone(
    world: World, hooks: Hooks, error: BaseException
) -> None:
    hooks.raises = error
    assert world.turn(world.scheduler(prepare=hooks.prepare, hooks_wait=0)) == 1
    assert world.made() == ["b-good"]
    assert [event.schedule for event in world.of(ScheduleBroken)] == ["a-bad"]


def test_hooks_that_refuse_at_once_break_their_schedule_alone(world: World, hooks: Hooks) -> None:
    def prepare(jobs: Sequence[NewJob]) -> None:
        if jobs[0].task == "bad":
            raise LookupError("no tenant")

    assert world.turn(world.scheduler(prepare=prepare)) == 1
    assert [event.schedule for event in world.of(ScheduleBroken)] == ["a-bad"]
