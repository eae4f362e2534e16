"""A worker that is told to stop drains, releases the rest unspent, and ends."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from pathlib import Path

import pytest

from dutiful import App
from dutiful.core.event import WorkerLeft
from dutiful.worker.worker import Worker
from tests.until import until
from tests.worker import jobs as cpu
from tests.worker.support import Events, burst, marks, output, process, queues, serving, stored

WORKER = ("dutiful", "worker", "tests.worker.jobs:app", "-c", "2")


def started(path: Path, name: str) -> bool:
    return any(line.startswith(f"start {name}") for line in marks(path))


async def test_a_drain_lets_running_jobs_end_and_hands_back_the_rest(app: App) -> None:
    events, gate, begun = Events(app), asyncio.Event(), asyncio.Event()

    @app.task
    async def first() -> None:
        begun.set()
        await gate.wait()

    @app.task
    async def later() -> None: ...

    running = await first.aenqueue()
    async with serving(app, concurrency=1, grace=20_000_000) as worker:
        await begun.wait()
        waiting = [await later.aenqueue() for _ in range(5)]
        worker.stop()
        await asyncio.sleep(0.05)  # nothing new may start in this time
        gate.set()
    assert await running.astatus() == "succeeded"
    for handle in waiting:
        job = await stored(app, handle.id)
        assert (job.state.word, job.attempt) == ("queued", 0)
    assert len(events.of(WorkerLeft)) == 1


async def test_a_job_that_ends_while_another_is_settled_does_not_hold_the_exit(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates, begun = [asyncio.Event(), asyncio.Event()], asyncio.Semaphore(0)

    @app.task
    async def passes(number: int) -> None:
        begun.release()
        await gates[number].wait()

    first, last = await passes.aenqueue(0), await passes.aenqueue(1)
    async with serving(app, concurrency=2, grace=20_000_000) as worker:
        await begun.acquire()
        await begun.acquire()
        store = app.store
        executor = worker._registration.executor  # type: ignore[union-attr]  # serves
        exchange = store.exchange

        async def meanwhile(*given: object) -> object:
            gates[1].set()
            await until(lambda: not executor.running)
            return await exchange(*given)  # type: ignore[arg-type]  # as it was called

        worker.stop()
        monkeypatch.setattr(store, "exchange", meanwhile)
        gates[0].set()
        stopped = time.monotonic()
    assert time.monotonic() - stopped < 10
    assert await first.astatus() == await last.astatus() == "succeeded"


async def test_what_outlives_the_grace_is_handed_back_and_counted(app: App) -> None:
    events, begun = Events(app), asyncio.Event()

    @app.task
    async def long() -> None:
        begun.set()
        await asyncio.sleep(30)

    handle = await long.aenqueue()
    async with serving(app, grace=100_000):
        await begun.wait()
    job = await stored(app, handle.id)
    assert (job.state.word, job.attempt) == ("queued", 0)
    assert [event.released for event in events.of(WorkerLeft)] == [1]


async def test_a_worker_may_be_stopped_from_a_thread_and_before_it_runs(app: App) -> None:
    async with serving(app) as worker:
        threading.Thread(target=worker.stop).start()
        await until(lambda: worker._registration is None)
    worker = await burst(app)
    worker.stop()
    assert await worker.run() == "stopped"


async def test_a_stop_is_heeded_that_comes_as_the_store_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with App("memory://") as app:
        worker = Worker(app)

        async def opens_and_stops() -> tuple[str, ...]:
            worker.stop()
            return ()

        monkeypatch.setattr(app, "open", opens_and_stops)
        async with asyncio.timeout(60):
            assert await worker.run() == "stopped"


async def test_a_burst_ends_with_the_last_job_that_is_due(app: App) -> None:
    ran: list[int] = []

    @app.task
    async def chain(left: int) -> None:
        ran.append(left)
        await asyncio.sleep(0.01)
        if left:
            await chain.aenqueue(left - 1)

    await chain.using(delay="1h").aenqueue(99)
    await chain.aenqueue(20)
    begun = time.monotonic()
    await burst(app)
    assert ran == list(range(20, -1, -1))
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_drains(jobs: App, tmp_path: Path, number: int) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        handle = await cpu.rest.aenqueue("a", 0.5)
        await until(lambda: started(tmp_path, "a"))
        worker.send_signal(number)
        assert await asyncio.to_thread(worker.wait, 30) == 0
    assert await handle.astatus() == "succeeded"


async def test_a_second_signal_hands_back_at_once(jobs: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        soft = await cpu.rest.aenqueue("a", 60)
        deaf = await cpu.deaf.aenqueue("b")
        await until(lambda: len(marks(tmp_path)) == 2)
        begun = time.monotonic()
        while worker.poll() is None:  # two that come at once are one
            worker.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.2)
        assert worker.returncode == 0
        assert time.monotonic() - begun < 20
    for handle in (soft, deaf):
        job = await stored(jobs, handle.id)
        assert (job.state.word, job.attempt, job.crashes) == ("queued", 0, 0)


async def test_nothing_that_ignores_everything_holds_the_exit(jobs: App, tmp_path: Path) -> None:
    with process(*WORKER, "--grace", "0.2s", path=tmp_path) as worker:
        handles = [await cpu.stay.aenqueue(), await cpu.deaf.aenqueue("b")]
        await until(lambda: len(marks(tmp_path)) == 2)
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 30) == 0
    for handle in handles:
        assert (await stored(jobs, handle.id)).attempt == 0


async def test_a_child_process_is_handed_back(jobs: App, tmp_path: Path) -> None:
    with process(*WORKER, "--grace", "0.2s", path=tmp_path) as worker:
        handle = await cpu.hold.aenqueue("a")
        await until(lambda: marks(tmp_path))
        worker.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.wait, 30) == 0
    job = await stored(jobs, handle.id)
    assert (job.state.word, job.attempt, job.crashes) == ("queued", 0, 0)


async def test_usr1_shows_all_stacks_though_the_loop_is_blocked(jobs: App, tmp_path: Path) -> None:
    with process(*WORKER, path=tmp_path) as worker:
        await cpu.rest.aenqueue("a", 30)
        await cpu.block.aenqueue(8)
        await until(lambda: any(line.startswith("block") for line in marks(tmp_path)))
        worker.send_signal(signal.SIGUSR1)
        await until(lambda: "in block" in output(tmp_path))
        assert "heartbeat.py" in output(tmp_path)  # the heartbeat beats in a thread of its own
        assert not any(line.startswith("freed") for line in marks(tmp_path))
        await until(lambda: "Stack for <OwnedTask" in output(tmp_path))
        assert worker.poll() is None


async def test_a_burst_process_ends_by_itself(jobs: App, tmp_path: Path) -> None:
    handles = [await cpu.rest.aenqueue(f"{n}", 0) for n in range(5)]
    with process(*WORKER, "--burst", path=tmp_path) as worker:
        assert await asyncio.to_thread(worker.wait, 30) == 0
    assert {await handle.astatus() for handle in handles} == {"succeeded"}


async def test_a_rolling_restart_spends_nothing(jobs: App, tmp_path: Path) -> None:
    handles = [await cpu.rest.aenqueue(f"{n}", 0.3) for n in range(12)]
    for turn in range(3):
        with process(*WORKER, "--grace", "0.1s", path=tmp_path) as worker:
            before = len(marks(tmp_path))
            await until(lambda before=before: len(marks(tmp_path)) > before)
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 30) == 0, turn
    await burst(jobs, queues=queues("default"))
    for handle in handles:
        job = await stored(jobs, handle.id)
        assert (job.state.word, job.attempt, job.crashes) == ("succeeded", 1, 0)
