"""A system without room for one more thread or process costs time, and no job an attempt."""

from __future__ import annotations

import asyncio
import errno
import threading
from pathlib import Path
from typing import Any

import pytest

from dutiful import App, Context, Retry
from dutiful.core.event import SlotsRestored, SlotsShort
from dutiful.testing.broker import BrokerQueues, PoorBroker
from dutiful.worker import capacity
from dutiful.worker.isolation import child_process
from tests.until import until
from tests.worker import jobs as cpu
from tests.worker.support import Events, burst, output, process, serving, stored

ONCE = Retry(max_attempts=1)


class Room:
    """Lets so many of a worker's threads for tasks live at a time."""

    def __init__(self, patch: pytest.MonkeyPatch, most: int) -> None:
        self.most = most
        self.refused = 0
        start, others = threading.Thread.start, threading.enumerate()

        def bounded(thread: threading.Thread) -> None:
            alive = [one for one in _slots() if one not in others]
            if thread.name == "dutiful-slot" and len(alive) >= self.most:
                self.refused += 1
                raise RuntimeError("can't start new thread")
            start(thread)

        patch.setattr(threading.Thread, "start", bounded)
        patch.setattr(capacity, "_FIRST", 0.05)


def _slots() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "dutiful-slot"]


@pytest.mark.parametrize("hooked", [False, True], ids=["", "hooked"])
async def test_jobs_are_handed_back_unspent_and_told_once(
    app: App, monkeypatch: pytest.MonkeyPatch, hooked: bool
) -> None:
    room, events, together = Room(monkeypatch, 3), Events(app), threading.Semaphore(0)
    if hooked:

        @app.around_attempt
        async def hides(ctx: Context, proceed: Any) -> Any:
            try:
                return await proceed()
            except Exception:  # noqa: BLE001 - as hooks do
                return "well"

    @app.task(retry=ONCE)
    def slow(number: int) -> int:
        together.acquire(timeout=60)
        return number

    handles = [await slow.aenqueue(number) for number in range(20)]
    async with serving(app, concurrency=8):
        await until(lambda: events.of(SlotsShort))
        for _ in handles:
            together.release()
        for number, handle in enumerate(handles):
            assert await handle.aresult(timeout=60) == number
        room.most = 100
        await until(lambda: events.of(SlotsRestored))
    for handle in handles:
        assert (await stored(app, handle.id)).attempt == 1
    assert room.refused
    told = events.of(SlotsShort)[0]
    assert (3 if not hooked else told.slots, 8) == (told.slots, told.of)
    assert "can't start new thread" in told.error


async def test_not_even_one_thread(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    room, events = Room(monkeypatch, 0), Events(app)

    @app.task(retry=ONCE)
    def slow() -> int:
        return 1

    @app.task(retry=ONCE)
    async def light() -> int:
        return 2

    handle = await slow.aenqueue()
    async with serving(app, concurrency=2):
        await until(lambda: room.refused >= 3)
        room.most = 1
        assert await handle.aresult(timeout=60) == 1
        assert await (await light.aenqueue()).aresult(timeout=60) == 2
    assert (await stored(app, handle.id)).attempt == 1
    assert len(events.of(SlotsShort)) < room.refused


@pytest.mark.parametrize("hooked", [False, True], ids=["", "hooked"])
async def test_a_job_waits_where_giving_it_back_would_spend_an_attempt(
    monkeypatch: pytest.MonkeyPatch, hooked: bool
) -> None:
    queues = BrokerQueues()
    app = App(engine=PoorBroker(queues))
    room, attempts = Room(monkeypatch, 0), list[int]()
    if hooked:

        @app.around_attempt
        async def through(ctx: Context, proceed: Any) -> Any:
            return await proceed()

    @app.task(retry=ONCE)
    def slow(ctx: Context) -> None:
        attempts.append(ctx.attempt)

    await slow.aenqueue()
    async with serving(app, concurrency=2):
        await until(lambda: room.refused >= 3)
        room.most = 1
        await until(lambda: queues.ended)
    assert attempts == [1]


@pytest.mark.parametrize(
    "error",
    [
        BlockingIOError(errno.EAGAIN, "fork"),
        OSError(errno.ENOMEM, "fork"),
        OSError(errno.EMFILE, "pipe"),
        MemoryError(),
    ],
    ids=str,
)
async def test_a_child_that_cannot_be_started(
    jobs: App, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(capacity, "_FIRST", 0.05)
    events, fails = Events(jobs), [error] * 2
    start = child_process._start_child

    async def scarce(*given: Any) -> Any:
        if fails:
            raise fails.pop()
        return await start(*given)

    monkeypatch.setattr(child_process, "_start_child", scarce)
    handle = await cpu.add.using(max_attempts=1).aenqueue(1, 2)
    async with serving(jobs, concurrency=2):
        assert await handle.aresult(timeout=30) == 3
    assert (await stored(jobs, handle.id)).attempt == 1
    assert events.of(SlotsShort)


@pytest.mark.parametrize("number", [errno.EBADF, errno.ENOTSOCK])
@pytest.mark.parametrize("times", [1, 5])
async def test_a_child_whose_descriptors_a_task_closes(
    jobs: App, monkeypatch: pytest.MonkeyPatch, number: int, times: int
) -> None:
    monkeypatch.setattr(capacity, "_FIRST", 0.05)
    events, fails = Events(jobs), [OSError(number, "closed")] * times
    popen, begun = child_process._popen, []

    def robbed(*given: Any) -> Any:
        process = popen(*given)
        if fails:  # as where the pipe of Popen was closed: the process has been started
            begun.append(process)
            raise fails.pop()
        return process

    monkeypatch.setattr(child_process, "_popen", robbed)
    handle = await cpu.add.using(max_attempts=1).aenqueue(1, 2)
    async with serving(jobs, concurrency=2):
        assert await handle.aresult(timeout=60) == 3
    assert (await stored(jobs, handle.id)).attempt == 1
    assert bool(events.of(SlotsShort)) == (times == 5)
    assert [process.wait(30) for process in begun] == [0] * times  # each hears that nobody is there


async def test_a_store_whose_thread_cannot_be_started_is_asked_again(
    sqlite: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, fails = threading.Thread.start, [1] * 3

    def bounded(thread: threading.Thread) -> None:
        if thread.name == "dutiful-sqlite-writer" and fails:
            fails.pop()
            raise RuntimeError("can't start new thread")
        start(thread)

    @sqlite.task(retry=ONCE)
    async def light() -> int:
        return 2

    handle = await light.aenqueue()
    writer: Any = sqlite.store.engine
    await sqlite.close()
    monkeypatch.setattr(threading.Thread, "start", bounded)
    assert writer is not None
    async with asyncio.timeout(30):
        await burst(sqlite)
    assert await handle.aresult(timeout=1) == 2


@pytest.mark.slow
def test_a_worker_with_little_memory(tmp_path: Path) -> None:
    (tmp_path / "narrow.py").write_text(
        """
import resource, time
from pathlib import Path
from dutiful import App, Retry

app = App()

@app.task(retry=Retry(max_attempts=1))
def slow(number: int) -> int:
    time.sleep(0.1)
    return number

pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + 400 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
"""
    )
    store = f"sqlite:///{tmp_path}/jobs.db"
    app = App(store)

    @app.task(name="slow", retry=ONCE)
    def slow(number: int) -> int:
        raise NotImplementedError(number)

    handles = [slow.enqueue(number) for number in range(100)]
    env = {"PYTHONPATH": str(tmp_path)}
    line = ("dutiful", "worker", "narrow:app", "--burst", "-c", "100")
    with process(*line, path=tmp_path, env=env) as worker:
        assert worker.wait(50) == 0, output(tmp_path)
    assert {handle.status() for handle in handles} == {"succeeded"}
    assert output(tmp_path).count("slots are used for now") == 1
