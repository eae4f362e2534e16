"""Workers sleep without cost and wake at once."""

import asyncio
import time
from pathlib import Path

import pytest

from dutiful.contract.roles.consumer import Wanted
from dutiful.engines.sqlite import SqliteEngine
from tests.chaos.pace import Pace
from tests.engines.sqlite.support import child, ended, heard, new, rows, say, worker

SLEEP = """
import asyncio, sys, time
from pathlib import Path
from dutiful.engines.sqlite import SqliteEngine
async def main():
    engine = SqliteEngine(Path(sys.argv[1]))
    await engine.open()
    while True:
        print("asleep", flush=True)
        begun = time.monotonic()
        while not await notified(engine):
            pass
        print(time.monotonic_ns(), flush=True)
        sys.stdin.readline()
        for job in engine.session.readers.read(lambda: find()):
            await engine.controller.cancel([job])
async def notified(engine):
    await engine.consumer.wait(("default",), 10)
    return engine.session.idle_check.work(("default",))
def find():
    from dutiful.contract.statement import Statement
    rows = (yield Statement("SELECT id FROM dutiful_job WHERE state = 1")).rows
    return [row[0] for row in rows]
asyncio.run(main())
"""


def pipes(path: Path) -> list[Path]:
    return list(path.with_name(f"{path.name}-run").glob("*.bell"))


@pytest.mark.serial
def test_other_process_wakes_in_milliseconds(path: Path) -> None:
    engine = SqliteEngine(path)
    listener = child(SLEEP, path)
    spans: list[float] = []
    with Pace() as pace:
        for _ in range(10):
            assert heard(listener) == "asleep"
            while not pipes(path):
                time.sleep(0.001)
            engine.sync_producer.enqueue_sync([new()])
            committed = time.monotonic_ns()
            spans.append((int(heard(listener)) - committed) / 1e6)
            say(listener, "next")
    listener.kill()
    ended(listener)
    asyncio.run(engine.close())
    assert sorted(spans)[5] < pace.limit(20), spans


async def test_sleeping_costs_little_and_writes_nothing(engine: SqliteEngine, path: Path) -> None:
    await engine.fleet.join(worker())
    log = path.with_name(f"{path.name}-wal")
    before, spent = (log.stat().st_size, log.stat().st_mtime_ns), time.process_time()
    for _ in range(3):
        answer = await engine.consumer.exchange("w1", [], Wanted(("default",), 10))
        assert answer.claims == ()
        assert await engine.retention.prune(4, 0, 10) == 0
        assert await engine.fleet.expire(()) == ()
        assert await engine.fleet.abandoned(10) == ()
        await engine.consumer.wait(("default",), 0.4)
    assert time.process_time() - spent < 0.3
    assert (log.stat().st_size, log.stat().st_mtime_ns) == before


async def until_pipes(path: Path, count: int) -> None:
    while len(pipes(path)) != count:  # noqa: ASYNC110 - another process hangs and takes them
        await asyncio.sleep(0.001)


async def test_the_pipe_is_removed(engine: SqliteEngine, path: Path) -> None:
    listener = asyncio.create_task(engine.consumer.wait(("default",), 30))
    await until_pipes(path, 1)
    await engine.producer.enqueue([new()])
    await listener
    assert pipes(path) == []
    listener = asyncio.create_task(engine.consumer.wait(("mail",), 30))
    await until_pipes(path, 1)
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    assert pipes(path) == []


async def test_a_stale_pipe_is_removed(engine: SqliteEngine, path: Path) -> None:
    process = child(SLEEP, path)
    heard(process)
    await until_pipes(path, 1)
    process.kill()
    ended(process)
    assert pipes(path)
    await engine.producer.enqueue([new()])
    await until_pipes(path, 0)


async def test_work_that_came_before_the_sleep(engine: SqliteEngine) -> None:
    await engine.producer.enqueue([new()])
    begun = time.monotonic()
    await engine.consumer.wait(("default",), 30)
    assert time.monotonic() - begun < 10


async def test_without_pipes_glances_do(
    engine: SqliteEngine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.mkfifo")
    other = SqliteEngine(path)
    await other.open()
    listener = asyncio.create_task(engine.consumer.wait(("default",), 30))
    await asyncio.sleep(0.1)
    await other.producer.enqueue([new()])
    await asyncio.wait_for(listener, 0.9)
    await other.close()


async def test_paused_queue_does_not_wake(engine: SqliteEngine, path: Path) -> None:
    await engine.controller.pause("default")
    await engine.producer.enqueue([new()])
    assert not engine.session.idle_check.work(("default",))
    assert rows(path, "SELECT name FROM dutiful_queue") == [("default",)]
