"""What a worker says at its start, and what `--burst` does for schedules."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from dutiful import App
from dutiful.core.event import LeaseLost, QueuesUnserved
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.worker.unserved import UnservedQueues
from tests.until import until
from tests.worker import jobs as cpu
from tests.worker.support import DEADLINE, Events, burst, output, process, serving


async def test_a_start_says_which_queues_nobody_serves(app: App) -> None:
    @app.task(queue="mail")
    def send() -> None: ...

    events = Events(app)
    await send.aenqueue()
    unserved = UnservedQueues(app)
    try:
        async with serving(app):
            (said,) = await until(lambda: events.of(QueuesUnserved))
    finally:
        await unserved.close()
    assert said.waiting == {"mail": 1}


async def test_a_start_counts_delayed_jobs_that_are_due(app: App) -> None:
    """Nobody but a worker of their own queue makes them queued jobs."""

    @app.task(queue="mail")
    def send() -> None: ...

    events = Events(app)
    await send.using(delay="10ms").aenqueue()
    await send.using(delay="1h").aenqueue()
    await asyncio.sleep(0.02)
    unserved = UnservedQueues(app)
    try:
        async with serving(app):
            (said,) = await until(lambda: events.of(QueuesUnserved))
    finally:
        await unserved.close()
    assert said.waiting == {"mail": 1}


async def test_a_process_says_it_in_its_log(jobs: App, tmp_path: Path) -> None:
    await cpu.add.using(queue="elsewhere").aenqueue(1, 2)
    with process("dutiful", "worker", "tests.worker.jobs:app", path=tmp_path):
        await until(lambda: "no live worker serves elsewhere (1 due)" in output(tmp_path))


async def test_burst_makes_what_is_due(app: App) -> None:
    ran: list[str] = []

    @app.every("1s", name="tick")
    @app.task
    def tick() -> None:
        ran.append("tick")

    await burst(app)  # declares it
    (standing,) = await app.schedules.alist()
    assert standing.next is not None

    end = time.monotonic() + DEADLINE
    while not (await app.store.schedules.due(10)).due:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    await burst(app)
    assert ran


async def test_the_count_of_stopped_jobs_is_right(app: App) -> None:
    @app.task
    async def hang() -> None:
        await asyncio.Event().wait()

    events = Events(app)
    for _ in range(3):
        await hang.aenqueue()
    lease = Lease(length=2 * SECOND, heartbeat=SECOND // 2)
    async with serving(app, lease=lease, services=False, concurrency=3):
        (worker,) = await _holding(app, 3)
        await app.store.fleet.expire([worker])
        (lost,) = await until(lambda: events.of(LeaseLost))
    assert lost.stopped == 3


async def _holding(app: App, count: int) -> list[str]:
    async with asyncio.timeout(DEADLINE):
        while True:
            found = [w.info.id for w in await app.store.fleet.workers() if w.running == count]
            if found:
                return found
            await asyncio.sleep(0.02)
