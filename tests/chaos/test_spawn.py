"""Starting a process forks under some loops: that must wait for no writer of the same loop."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dutiful.core.job import NewJob
from dutiful.engines.sqlite import SqliteEngine
from tests.chaos import orders
from tests.chaos.kills import feed
from tests.chaos.processes import processes
from tests.chaos.verdict import judge
from tests.until import wait_until


async def test_a_fork_waits_for_no_writer_in_line(tmp_path: Path) -> None:
    engine = SqliteEngine(tmp_path / "jobs.db")
    await engine.open()
    session = engine.session
    job: NewJob = next(orders.simple(1, 1, 0, 0))
    # Another connection's transaction, so that the writer's thread has to wait at the door.
    other = SqliteEngine(tmp_path / "jobs.db")
    await other.open()
    write_lock = other.session.writer._write_lock
    assert await asyncio.to_thread(write_lock.enter)
    waiting = asyncio.create_task(engine.producer.enqueue([job]))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(10):
        await asyncio.to_thread(session.freeze)
    session.thaw()
    assert not waiting.done()
    write_lock.leave()
    (receipt,) = await waiting
    assert receipt.created
    await engine.close()
    await other.close()


def test_children_are_started_beside_open_transactions(tmp_path: Path) -> None:
    """Before, the loop waited for the lock that its own task held, until that was taken away."""
    with processes(tmp_path, "-c", "8") as made:
        jobs = [
            job
            for first in range(1, 1200)
            for job in orders.mixed(first, 1, 0)
            if job.task in ("abooked", "crunched", "keyed")
        ]
        feed(made, jobs[:300])
        made.start(3)
        wait_until(lambda: made.left() == 0, 60, "all jobs in a final state", 0.2)
        verdict = judge(made)
        assert not verdict.faults()
        assert made.sql("select count(*) from dutiful_failure") == [(0,)]
