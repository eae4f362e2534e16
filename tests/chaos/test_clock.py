"""The host's wall clock is stepped by an hour while a worker works on a real file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dutiful import App
from dutiful.contract.clock import SystemClock
from dutiful.core.event import JobsRescued, LeaseLost
from dutiful.core.instant import HOUR, SECOND
from dutiful.core.lease import Lease
from dutiful.engines.sqlite import SqliteEngine
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.worker.support import until


class SteppedClock(SystemClock):
    """The host's clocks, of which the wall clock was set by somebody."""

    def __init__(self) -> None:
        self.offset = 0

    def now(self) -> int:
        return super().now() + self.offset


@pytest.mark.parametrize("steps", [(1, -1), (-1, 1)], ids=["on and back", "back and on"])
async def test_the_clock_is_stepped_by_an_hour(tmp_path: Path, steps: tuple[int, int]) -> None:
    clock, ran, seen = SteppedClock(), list[int](), list[object]()
    app = App(engine=SqliteEngine(tmp_path / "jobs.db", clock=clock))

    @app.task
    async def work(number: int) -> None:
        ran.append(number)
        await asyncio.sleep(0.05)

    app.bus.subscribe(seen.append)
    lease = Lease(length=2 * SECOND, heartbeat=SECOND // 4)
    async with app:
        worker = Worker(app, WorkerOptions(concurrency=4, lease=lease), clock=clock)
        running = asyncio.create_task(worker.run())
        for number, step in enumerate((*steps, 0)):
            handles = [await work.aenqueue(number * 100 + n) for n in range(40)]
            await until(lambda first=number * 100: any(one >= first for one in ran))
            clock.offset += step * HOUR
            for handle in handles:
                await handle.aresult(timeout=15)
        late = await work.using(delay="30m").aenqueue(1000)
        await asyncio.sleep(2.2)  # longer than the lease, had a step ended one
        clock.offset += HOUR
        await late.aresult(timeout=15)
        worker.stop()
        async with asyncio.timeout(15):
            await running
    assert sorted(ran) == sorted([*range(40), *range(100, 140), *range(200, 240), 1000])
    assert not [event for event in seen if isinstance(event, LeaseLost | JobsRescued)]
