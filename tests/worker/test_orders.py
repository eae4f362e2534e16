"""A worker carries out what it is ordered to do, and says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dutiful import App, Unsupported
from dutiful.core.event import WorkerDraining, WorkerJoined, WorkerQuieted, WorkerResumed
from dutiful.core.instant import SECOND
from dutiful.core.lease import Lease
from dutiful.testing.broker import PoorBroker
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.until import until
from tests.worker.support import DEADLINE, Events, ended, serving, stored

BRISK = Lease(length=2 * SECOND, heartbeat=SECOND // 20)


async def test_a_quiet_worker_ends_what_it_runs_and_claims_nothing_more(app: App) -> None:
    events, go, started = Events(app), asyncio.Event(), asyncio.Event()

    @app.task
    async def wait() -> None:
        started.set()
        await go.wait()

    @app.task
    async def short() -> None: ...

    async with serving(app, lease=BRISK) as worker:
        first = await wait.aenqueue()
        await started.wait()
        done = await app.workers.aquiet(all=True, wait=DEADLINE)
        assert (done.order, len(done.workers), done.pending) == ("quiet", 1, ())
        (record,) = await app.workers.alist()
        assert (record.state, record.ordered, record.alive) == ("quiet", "quiet", True)
        assert record.report is not None
        assert [job.id for job in record.report.running] == [first.id]
        assert (worker.health().healthy, worker.health().ready) == (True, False)
        later = await short.aenqueue()
        go.set()
        assert (await ended(app, first.id)).state.word == "succeeded"
        await asyncio.sleep(0.3)  # nothing announces that a job is left alone
        assert (await stored(app, later.id)).state.word == "queued"
        done = await app.workers.aresume(done.workers[0][:-2], wait=DEADLINE)
        assert done.pending == ()
        assert (await ended(app, later.id)).state.word == "succeeded"
        assert worker.health().ready
    kinds = [type(one) for one in events if isinstance(one, WorkerQuieted | WorkerResumed)]
    assert kinds == [WorkerQuieted, WorkerResumed]


async def test_what_a_quiet_worker_had_prefetched_is_released_unspent(app: App) -> None:
    go, started = asyncio.Event(), asyncio.Event()

    @app.task
    async def wait() -> None:
        started.set()
        await go.wait()

    async with serving(app, lease=BRISK, concurrency=1) as worker:
        await wait.aenqueue()
        await started.wait()
        waiting = await wait.aenqueue()
        registration = worker.condition.registration
        assert registration is not None
        await app.workers.aquiet(all=True, wait=DEADLINE)
        assert not registration.executor.waiting
        job = await stored(app, waiting.id)
        assert (job.state.word, job.attempt) == ("queued", 0)
        go.set()


async def test_a_drained_worker_ends_as_at_a_signal(app: App) -> None:
    events, go, started = Events(app), asyncio.Event(), asyncio.Event()

    @app.task
    async def wait() -> None:
        started.set()
        await go.wait()

    worker = Worker(app, WorkerOptions(lease=BRISK))
    running = asyncio.create_task(worker.run())
    job = await wait.aenqueue()
    await started.wait()
    (name,) = (await app.workers.adrain(all=True)).workers
    await until(lambda: events.of(WorkerDraining), what="it drains")
    assert events.of(WorkerDraining) == [WorkerDraining(name, 1, ordered=True)]
    assert worker.health().state == "draining"
    go.set()
    async with asyncio.timeout(DEADLINE):
        assert await running == "stopped"
    found = await stored(app, job.id)
    assert (found.state.word, found.attempt, worker.condition.drained) == ("succeeded", 1, True)
    assert await app.workers.alist() == ()


async def test_a_worker_that_joins_again_stays_quiet(app: App) -> None:
    events = Events(app)

    @app.task
    async def short() -> None: ...

    async with serving(app, lease=BRISK) as worker:
        await until(lambda: events.of(WorkerJoined), what="it joins")
        await app.workers.aquiet(all=True, wait=DEADLINE)
        (before,) = await app.workers.alist()
        await app.store.fleet.expire([before.id])
        await until(lambda: len(events.of(WorkerJoined)) == 2, what="it joins again")
        after = next(one for one in await app.workers.alist() if not one.lost)
        assert after.id != before.id
        assert after.ordered == "quiet"
        assert worker.health().state == "quiet"
        job = await short.aenqueue()
        await app.workers.aresume(after.id, wait=DEADLINE)
        assert (await ended(app, job.id)).state.word == "succeeded"


async def test_a_worker_reports_what_its_slots_run(app: App) -> None:
    go = asyncio.Event()

    @app.task
    async def wait() -> None:
        await go.wait()

    @app.task
    async def parent() -> None:
        await (await wait.aenqueue()).aresult()

    async with serving(app, lease=BRISK, concurrency=4):
        await parent.aenqueue()

        async def seen() -> bool:
            records = await app.workers.alist()
            report = records[0].report if records else None
            if report is None or report.slots_blocked != 1:
                return False
            assert sorted(job.task for job in report.running) == ["parent", "wait"]
            assert report.slots_in_use == 2
            assert report.store_for is not None
            assert report.progress_for is not None
            assert report.heartbeat.total_seconds() == 0.05
            return True

        async with asyncio.timeout(DEADLINE):
            while not await seen():  # noqa: ASYNC110 - a report is announced to nobody
                await asyncio.sleep(0.02)
        go.set()


async def test_a_broker_that_keeps_no_reports_passes_no_orders() -> None:
    async with App(engine=PoorBroker()) as app:
        with pytest.raises(Unsupported):
            await app.workers.aquiet(all=True)

        @app.task
        async def short() -> None: ...

        events = Events(app)
        async with serving(app, lease=BRISK) as worker:
            await until(lambda: events.of(WorkerJoined))
            await short.aenqueue()
            await until(lambda: worker.health().ready, what="it is ready")


@pytest.mark.slow
async def test_a_slot_is_blocked_while_a_child_process_waits_for_another_job(
    isolation: App, tmp_path: Path
) -> None:
    app, go = isolation, tmp_path / "go"
    async with serving(app, lease=BRISK, concurrency=4):
        handle = await app.tasks["wait_in_child"].aenqueue(str(go))
        report = None

        async def blocked() -> int:
            nonlocal report
            records = await app.workers.alist()
            report = records[0].report if records else None
            return -1 if report is None or not report.running else report.slots_blocked

        async with asyncio.timeout(DEADLINE):
            while await blocked() != 1:  # noqa: ASYNC110 - a report is announced to nobody
                await asyncio.sleep(0.02)
            go.touch()
            await handle.aresult()
            while await blocked() > 0:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0.02)
