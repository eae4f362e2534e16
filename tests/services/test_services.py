"""Background duties: who is declared lost, what is deleted, and that failures do not end them."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from dutiful.contract.clock import SystemClock
from dutiful.contract.facade import Store
from dutiful.contract.roles.consumer import Wanted
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.contract.roles.health import HealthWarning
from dutiful.core.event import (
    EngineRecovered,
    EngineTroubled,
    Event,
    JobsRescued,
    OutcomeRefused,
    Pruned,
    ServiceFailed,
    StoreUnhealthy,
    WorkerLost,
)
from dutiful.core.instant import DAY, SECOND
from dutiful.core.job import NewJob
from dutiful.core.outcome import Cancelled, Discarded, Succeeded
from dutiful.core.retry import Random
from dutiful.core.settle import Rules, settle
from dutiful.core.state import State
from dutiful.engines.memory import MemoryEngine
from dutiful.services import process
from dutiful.services.pruner import Pruner
from dutiful.services.rescuer import Rescuer
from dutiful.services.service import ServiceLoop, about
from dutiful.services.trouble import OutageReport
from dutiful.testing import FakeClock

RNG = random.Random(1)


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.events: list[Event] = []
        self.store = Store(MemoryEngine(self.clock), self.events.append)

    def rescuer(
        self,
        vanished: Callable[[WorkerInfo], bool] = lambda info: False,
        healthy: Callable[[], bool] = lambda: True,
    ) -> Rescuer:
        return Rescuer(
            self.store,
            "me",
            clock=self.clock,
            rng=RNG,
            rules=lambda task: Rules(),
            vanished=vanished,
            healthy=healthy,
        )

    async def give(self, worker: str, count: int) -> None:
        """Let a worker hold so many jobs."""
        info = WorkerInfo(id=worker, queues=("default",), concurrency=1, lease=10 * SECOND)
        await self.store.fleet.join(info)
        jobs = [NewJob(id=f"{worker}-{n}", task="task", args=b"{}") for n in range(count)]
        await self.store.enqueue(jobs)
        await self.store.exchange(worker, [], Wanted(("default",), count))

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def world() -> World:
    return World()


async def test_the_jobs_of_a_vanished_process_are_taken_back(world: World) -> None:
    await world.give("gone", 450)
    await world.give("alive", 3)
    assert await world.rescuer(lambda info: info.id == "gone").run_once() == 450
    lost = [event for event in world.events if isinstance(event, WorkerLost)]
    assert [(event.worker, event.why) for event in lost] == [("gone", "its process is gone")]
    (job,) = await world.store.inspector.get(["gone-7"])
    assert (job.state.word, job.attempt, job.crashes) == ("queued", 1, 1)
    (job,) = await world.store.inspector.get(["alive-0"])
    assert job.state is State.RUNNING
    assert await world.rescuer().run_once() == 0
    assert [status.info.id for status in await world.store.fleet.workers()] == ["alive"]


async def test_the_jobs_of_a_silent_worker_are_taken_back(world: World) -> None:
    await world.give("silent", 2)
    world.clock.advance("9s")
    assert await world.rescuer().run_once() == 0
    world.clock.advance("2s")
    assert await world.rescuer().run_once() == 2
    (lost,) = world.of(WorkerLost)
    assert isinstance(lost, WorkerLost)
    assert lost.why == "silent for 11.0 s"
    assert sum(event.count for event in world.events if isinstance(event, JobsRescued)) == 2
    assert await world.rescuer().run_once() == 0


async def test_a_step_of_the_wall_clock_loses_nobody(world: World) -> None:
    await world.give("alive", 1)
    world.clock.step("1d")
    assert await world.rescuer().run_once() == 0


async def test_who_could_not_renew_judges_nobody(world: World) -> None:
    await world.give("silent", 2)
    world.clock.advance("1h")
    assert await world.rescuer(healthy=lambda: False).run_once() == 0
    assert world.of(WorkerLost) == []


async def test_two_rescuers_take_each_job_once(world: World) -> None:
    await world.give("gone", 300)
    both = [world.rescuer(lambda info: True) for _ in range(2)]
    counts = await asyncio.gather(*(one.run_once() for one in both))
    assert sum(counts) == 300
    (job,) = await world.store.inspector.get(["gone-0"])
    assert job.crashes == 1


async def test_each_state_is_kept_for_its_own_time(world: World) -> None:
    await world.give("w", 1200)
    claims = await world.store.fleet.claimed("w")
    outcomes = [Succeeded(), Cancelled(), Discarded("no")]
    now = world.clock.now()
    settled = [
        settle(claim, outcomes[place % 3], now, RNG, Rules()) for place, claim in enumerate(claims)
    ]
    await world.store.exchange("w", settled, None)
    keep = {State.SUCCEEDED: DAY, State.CANCELLED: 2 * DAY, State.DEAD: None}
    pruner = Pruner(world.store, keep)
    world.clock.advance("23h")
    assert await pruner.run_once() == 0
    world.clock.advance("2h")
    assert await pruner.run_once() == 400
    world.clock.advance("1d")
    assert await pruner.run_once() == 400
    world.clock.advance("99d")
    assert await pruner.run_once() == 0
    assert sum(event.count for event in world.events if isinstance(event, Pruned)) == 800
    assert (await world.store.inspector.tally())["pruned"] == 800


async def test_turns_go_on_after_a_failure() -> None:
    events: list[Event] = []
    enough = asyncio.Event()

    class Failing:
        name, loop = "failing", 0

        def rest(self, rng: Random) -> float:
            return about(0.001, rng)

        async def run_once(self) -> int:
            self.loop += 1
            if self.loop == 3:
                enough.set()
            raise LookupError("again")

    trouble = OutageReport(events.append, SystemClock().ticks)
    loop = ServiceLoop(Failing(), events.append, RNG, trouble)
    duty = asyncio.create_task(loop.forever())
    async with asyncio.timeout(60):
        await enough.wait()
    duty.cancel()
    await asyncio.gather(duty, return_exceptions=True)
    assert events == [ServiceFailed("failing", "LookupError: again")]


def test_a_call_that_fails_late_belongs_to_the_trouble_that_is_over() -> None:
    """Its thread may be held up on a busy machine until the others have been answered."""
    now, events = [10], list[Any]()
    trouble = OutageReport(events.append, lambda: now[0])
    trouble.met("jobs", OSError("away"), 10)
    now[0] = 20
    trouble.answered("jobs")
    trouble.met("heartbeat", OSError("away"), 15)
    trouble.answered("heartbeat")
    assert [type(event) for event in events] == [EngineTroubled, EngineRecovered]
    trouble.met("heartbeat", OSError("away"), 21)
    assert [type(event) for event in events][2:] == [EngineTroubled]


def test_a_process_is_known_by_its_birth() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        born = process.born(child.pid)
        assert born is not None
        info = WorkerInfo(
            id="w", queues=(), concurrency=1, lease=1, host=process.host(), pid=child.pid, born=born
        )
        assert not process.vanished(info)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie is gone, too
        assert process.vanished(info)
        child.wait()
    assert process.vanished(info)
    elsewhere = WorkerInfo(
        id="w", queues=(), concurrency=1, lease=1, host="elsewhere", pid=child.pid, born=born
    )
    assert not process.vanished(elsewhere)


async def test_what_makes_a_store_slower_is_reported_once(world: World) -> None:
    found = [HealthWarning("snapshot psql", "snapshot psql, for 90 s")]

    class Watched:
        async def warnings(self) -> tuple[HealthWarning, ...]:
            return tuple(found)

    world.store.engine.health = Watched()
    pruner = Pruner(world.store, {})

    async def reported() -> int:
        await pruner.run_once()
        return sum(isinstance(event, StoreUnhealthy) for event in world.events)

    assert [await reported(), await reported()] == [1, 1]
    found.append(HealthWarning("replication slot standby", "replication slot standby"))
    assert await reported() == 2
    found.clear()
    assert await reported() == 2
    found.append(HealthWarning("snapshot psql", "snapshot psql, for 70 s"))
    assert await reported() == 3


async def test_one_job_that_cannot_be_rescued_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.give("dead", 5)
    engine: Any = world.store.engine
    exchange = engine.consumer.exchange

    async def refusing(worker: str, settlements: Any, wanted: Any) -> Any:
        if any(item.claim.job.id == "dead-2" for item in settlements):
            raise OverflowError("too large")
        return await exchange(worker, settlements, wanted)

    monkeypatch.setattr(engine.consumer, "exchange", refusing)
    world.clock.advance("11s")
    assert await world.rescuer().run_once() == 4
    reported = [event for event in world.events if isinstance(event, OutcomeRefused)]
    assert {event.job_id for event in reported} == {"dead-2"}
    states = [job.state for job in await world.store.inspector.get([f"dead-{n}" for n in range(5)])]
    assert states.count(State.QUEUED) == 4


async def test_a_turn_that_exits_does_not_end_its_worker(world: World) -> None:
    again = asyncio.Event()

    class Exits:
        name, loop = "exits", 0

        def rest(self, rng: Any) -> float:
            return 0.001

        async def run_once(self) -> int:
            self.loop += 1
            if self.loop == 2:
                again.set()
            raise SystemExit(3)

    heard = world.events.append
    trouble = OutageReport(heard, SystemClock().ticks)
    loop = asyncio.create_task(ServiceLoop(Exits(), heard, RNG, trouble).forever())
    await again.wait()
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
    assert len(world.of(ServiceFailed)) == 1
