"""Frames of real stores: what they hold, and how rarely they ask for what takes long."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from dutiful import App, Interval
from dutiful.contract.capability import Capability
from dutiful.core.instant import MINUTE, SECOND
from dutiful.manage.live_frames import Frames
from dutiful.testing.broker import PoorBroker
from tests.worker.support import queues, serving

from .conftest import run_all


class Ticks:
    """A clock that moves when a test says so."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def slow_count(app: App, ticks: Ticks, length: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let each count of all jobs take so long, and note when there was one."""
    counted: list[int] = []
    inspector = app.store.inspector
    count = inspector.queues

    async def queues() -> Any:
        counted.append(ticks.now)
        ticks.now += length
        return await count()

    monkeypatch.setattr(inspector, "queues", queues)
    return counted


async def test_a_frame_has_what_a_person_asks_first(app: App) -> None:
    for order in range(3):
        await app.tasks["charge"].aenqueue(order)
    await app.tasks["later"].aenqueue()
    await run_all(app)
    await app.tasks["mail"].aenqueue("x")
    await app.queues.apause("slow")
    frame = await Frames(app).atake()
    found = {one.name: one for one in frame.queues}
    assert (found["default"].dead, found["default"].later) == (3, 1)
    assert (found["mail"].waiting, found["mail"].trend) == (1, "unserved")
    assert (found["mail"].oldest_at or frame.at) < frame.at
    assert found["slow"].trend == "paused"
    assert {(one.task, one.state, one.attempt) for one in frame.failures} == {
        ("charge", "dead", 1),
        ("later", "scheduled", 1),
    }
    assert {one.message for one in frame.failures if one.task == "charge"} == {
        f"no card for order {order}" for order in range(3)
    }
    assert [one.at for one in frame.failures] == sorted(
        (one.at for one in frame.failures), reverse=True
    )
    assert frame.counted_at == frame.at
    assert frame.missing == frozenset()


async def test_workers_come_with_what_they_run(app: App) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    @app.task(queue="slow")
    async def wait() -> None:
        started.set()
        await go.wait()

    async with serving(app, concurrency=2, queues=queues("slow")):
        job = await wait.aenqueue()
        await started.wait()
        frame = await Frames(app).atake()
        (worker,) = frame.workers
        assert (worker.record.state, worker.record.slots, worker.record.running) == (
            "serving",
            2,
            1,
        )
        (slot,) = worker.jobs
        assert (slot.job_id, slot.task, slot.queue) == (job.id, "wait", "slow")
        assert slot.started_at is not None
        assert slot.started_at <= frame.at
        assert {one.name: one.served for one in frame.queues} == {"slow": True}
        go.set()


async def test_jobs_are_counted_a_fiftieth_of_the_time(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.tasks["mail"].aenqueue("x")
    ticks = Ticks()
    frames = Frames(app, ticks)
    counted = slow_count(app, ticks, SECOND, monkeypatch)
    for _ in range(120):
        frame = await frames.atake()
        assert [one.waiting for one in frame.queues] == [1]
        ticks.now += SECOND
    assert len(counted) == 3
    frames.reset()
    await frames.atake()
    assert len(counted) == 4


async def test_a_count_that_takes_very_long_is_still_made_every_two_minutes(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = Ticks()
    frames, counted = Frames(app, ticks), slow_count(app, ticks, 10 * SECOND, monkeypatch)
    for _ in range(100):
        await frames.atake()
        ticks.now += 10 * SECOND
    assert max(b - a for a, b in pairwise(counted)) <= 3 * MINUTE


async def test_failures_are_looked_for_when_there_is_a_sign_of_new_ones(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Any] = []
    inspector = app.store.inspector
    find = inspector.find

    async def spied(*given: Any) -> Any:
        listed.append(given)
        return await find(*given)

    monkeypatch.setattr(inspector, "find", spied)
    ticks = Ticks()
    frames = Frames(app, ticks)
    await frames.atake()
    first = len(listed)
    for _ in range(10):
        ticks.now += SECOND
        assert (await frames.atake()).failures == ()
    assert len(listed) == first
    await app.tasks["charge"].aenqueue(1)
    await run_all(app)
    ticks.now += SECOND
    assert len((await frames.atake()).failures) == 1
    assert len(listed) > first


async def test_a_poor_broker_shows_what_it_can() -> None:
    app = App(engine=PoorBroker())
    async with app:
        frame = await Frames(app).atake()
    assert frame.queues == frame.workers == frame.failures == frame.schedules == ()
    assert {Capability.INSPECT, Capability.FLEET, Capability.SCHEDULES} <= frame.missing


async def test_schedules_come_in_the_order_of_their_next_instants(app: App) -> None:
    task = app.tasks["never"]
    for name, period in (("b", "3h"), ("a", "2h"), ("c", "1h"), ("off", "1m")):
        await app.schedules.acreate(task, Interval.every(period), name=name)
    await app.schedules.apause("off")
    frame = await Frames(app).atake()
    assert {one.name: one.task for one in frame.schedules} == dict.fromkeys("abc", "never")
    planned = [one.next for one in frame.schedules if one.next is not None]
    assert len(planned) == 3
    assert planned == sorted(planned)
