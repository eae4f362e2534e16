"""What a worker counts of its events, and when it is written."""

from __future__ import annotations

from typing import Any

import pytest

from dutiful.contract.facade import Store
from dutiful.core.alerting.sample import Activity
from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.core.event import OccurrenceLate, OccurrenceMissed, Settled, WorkerLost
from dutiful.core.instant import HOUR, MINUTE, SECOND
from dutiful.core.job import AttemptError, Claim, Job
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.engines.memory import MemoryEngine
from dutiful.services.activity_recorder import KEEP_MINUTES, NAMES_MAX, ActivityRecorder
from dutiful.testing import FakeClock


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = Store(MemoryEngine(self.clock))
        self.recorder = ActivityRecorder(self.store, self.clock)

    def settle(self, state: State, *, task: str = "send", ran: int = 3, **fields: Any) -> None:
        now = self.clock.now()
        job = Job("j", task, "mail", State.RUNNING, 0, b"{}", 1, 5, now, now, now - ran * SECOND)
        one = Settlement(Claim(job, "j"), state, at=now, **fields)
        self.recorder.heard(Settled("w1", (one,)))

    async def rows(self, span: int = MINUTE) -> tuple[Activity, ...]:
        await self.recorder.run_once()
        return await self.store.activity.read(span, 0)


@pytest.fixture
def world() -> World:
    return World()


def error(text: str = "no") -> AttemptError:
    return AttemptError("j", 1, 0, "w1", "ValueError", text, "")


async def test_ends_are_counted_by_minute_and_hour(world: World) -> None:
    world.settle(State.SUCCEEDED, ran=3)
    world.settle(State.SUCCEEDED, ran=5)
    world.settle(State.SCHEDULED, error=error())
    world.settle(State.SCHEDULED, error=error())
    world.settle(State.DEAD, error=error("last"), reason="attempts-spent")
    world.settle(State.DEAD, reason="expired")
    world.settle(State.QUEUED, error=error("gone"), rescue=True)
    world.settle(State.SCHEDULED, error=error("new"), parked_at=1)
    world.settle(State.QUEUED)
    (row,) = await world.rows()
    assert row == Activity(
        at=world.clock.now() // MINUTE * MINUTE,
        queue="mail",
        name="send",
        succeeded=2,
        failed=3,
        dead=2,
        rescued=1,
        expired=1,
        unknown=1,
        runs=5,
        run_sum=17 * SECOND,
        run_max=5 * SECOND,
        error="ValueError: no",
    )
    (hour,) = await world.rows(HOUR)
    assert (hour.at, hour.failed, hour.runs) == (row.at // HOUR * HOUR, 3, 5)


async def test_schedules_and_lost_workers_are_counted(world: World) -> None:
    world.recorder.heard(OccurrenceLate("tick", 1, 9.0, "enqueued late"))
    world.recorder.heard(OccurrenceMissed("tick", 1, 3))
    world.recorder.heard(WorkerLost("w2", "its process is gone"))
    world.recorder.heard(WorkerLost("w3", "silent for 11.0 s"))
    tick, gone, silent = await world.rows()
    assert (tick.kind, tick.name, tick.late, tick.missed) == ("schedule", "tick", 1, 3)
    assert (gone.kind, gone.name, gone.lost) == ("worker", "", 1)
    assert (silent.name, silent.error) == ("silent", "w3: silent for 11.0 s")


async def test_without_events_nothing_is_written(world: World) -> None:
    assert await world.recorder.run_once() == 0


async def test_tasks_beyond_the_limit_are_counted_together(world: World) -> None:
    for number in range(NAMES_MAX + 50):
        world.settle(State.SUCCEEDED, task=f"t{number}")
    rows = await world.rows()
    assert len(rows) == NAMES_MAX + 1
    assert next(row for row in rows if row.name == "other").succeeded == 50


async def test_what_could_not_be_sent_is_sent_later_and_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settle(State.SUCCEEDED)
    errors: list[Exception] = [EngineUnavailable("away")]
    add = world.store.activity.add

    async def failing(rows: Any) -> None:
        if errors:
            raise errors.pop()
        await add(rows)

    monkeypatch.setattr(world.store.engine.activity, "add", failing)
    with pytest.raises(EngineUnavailable):
        await world.recorder.run_once()
    world.settle(State.SUCCEEDED)
    (row,) = await world.rows()
    assert row.succeeded == 2
    world.settle(State.SUCCEEDED)
    errors.append(ReplyUnknown("maybe"))
    with pytest.raises(ReplyUnknown):
        await world.recorder.run_once()
    (row,) = await world.rows()
    assert row.succeeded == 2


async def test_old_minutes_are_deleted(world: World) -> None:
    world.settle(State.SUCCEEDED)
    assert len(await world.rows()) == 1
    world.clock.advance(KEEP_MINUTES / SECOND + 3600)
    world.settle(State.SUCCEEDED)
    (row,) = await world.rows()
    assert row.at > world.clock.now() - MINUTE
    assert len(await world.rows(HOUR)) == 2
