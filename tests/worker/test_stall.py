"""A worker whose loop hangs keeps its claims, and everybody is told."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from dutiful import App
from dutiful.core.event import Event, WorkerStalled
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.core.queue import Served
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

LEASE = Lease(length=SECOND // 2, heartbeat=SECOND // 10)


async def test_a_blocked_loop_is_told_and_loses_nothing(tmp_path: Path) -> None:
    app = App(f"sqlite:///{tmp_path}/jobs.db")
    events: list[Event] = []
    app.bus.subscribe(events.append)

    @app.task
    async def block() -> int:
        time.sleep(3 * LEASE.length / SECOND)  # noqa: ASYNC251 - the fault under test
        return 1

    async with app:
        handle = await block.aenqueue()
        await Worker(app, WorkerOptions(burst=True, lease=LEASE)).run()
        job = await handle.ajob()
        workers = await app.store.fleet.workers()
    assert (job.state.word, job.attempt, job.crashes) == ("succeeded", 1, 0)
    stalled = [event for event in events if isinstance(event, WorkerStalled)]
    assert len(stalled) == 1
    assert stalled[0].seconds >= 0.2
    assert workers == ()


def hang_until(gate: threading.Event, url: str) -> None:
    """Run a worker on a loop of its own whose only job blocks that loop."""
    app = App(url)

    @app.task
    async def block() -> None:
        gate.wait()

    async def main() -> None:
        async with app:
            await block.aenqueue()
            await Worker(app, WorkerOptions(burst=True, lease=LEASE)).run()

    asyncio.run(main())


async def test_the_others_see_a_worker_that_hangs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/jobs.db"
    neighbour, gate, seen = App(url), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def look(event: Event) -> None:
        if isinstance(event, WorkerStalled):
            loop.call_soon_threadsafe(seen.set)

    neighbour.bus.subscribe(look)
    thread = threading.Thread(target=hang_until, args=(gate, url))
    thread.start()
    worker = Worker(neighbour, WorkerOptions(queues=(Served("other"),), lease=LEASE))
    running = asyncio.create_task(worker.run())
    try:
        async with asyncio.timeout(60):
            await seen.wait()
    finally:
        gate.set()
        worker.stop()
        await running
        await asyncio.to_thread(thread.join)
        await neighbour.close()
