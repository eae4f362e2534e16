"""Those who write at once share a commit, and only share what succeeds."""

import asyncio
import gc
import threading
import weakref
from pathlib import Path

import pytest

from dutiful.core.errors import BadOption, DuplicateJob
from dutiful.core.unique import unique
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import new
from tests.until import until


async def test_coroutines_share_commits(engine: SqliteEngine) -> None:
    before = engine.session.writer.commits
    await asyncio.gather(*(engine.producer.enqueue([new()]) for _ in range(200)))
    assert engine.session.writer.commits - before < 50
    assert (await engine.inspector.tally())["enqueued"] == 200


async def test_threads_share_commits(engine: SqliteEngine) -> None:
    engine.sync_producer.enqueue_sync([new()])
    writer = engine.session.writer
    before = writer.commits
    writer.freeze()
    threads = [
        threading.Thread(target=engine.sync_producer.enqueue_sync, args=([new()],))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    writes = [asyncio.create_task(engine.producer.enqueue([new()])) for _ in range(100)]
    await until(lambda: len(writer._pending) == 116)
    writer.thaw()
    await asyncio.gather(*writes)
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert (await engine.inspector.tally())["enqueued"] == 117
    assert writer.commits - before == 1


async def test_duplicate_fails_alone(engine: SqliteEngine) -> None:
    rule = unique("k", on_conflict="raise")
    await engine.producer.enqueue([new(unique=rule)])
    writes = [engine.producer.enqueue([new()]) for _ in range(20)]
    writes[10:10] = [engine.producer.enqueue([new(), new(unique=rule)])]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(results.pop(10), DuplicateJob)
    assert not [result for result in results if isinstance(result, BaseException)]
    assert (await engine.inspector.tally())["enqueued"] == 21


async def test_unforeseen_error_fails_alone(engine: SqliteEngine) -> None:
    writes = [engine.producer.enqueue([new()]) for _ in range(10)]
    writes.append(engine.producer.enqueue([new(priority=2**80)]))
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(results.pop(), BadOption)
    assert not [result for result in results if isinstance(result, BaseException)]
    assert (await engine.inspector.tally())["enqueued"] == 10


async def test_cancelled_caller_harms_nobody(engine: SqliteEngine) -> None:
    tasks = [asyncio.create_task(engine.producer.enqueue([new()])) for _ in range(10)]
    await asyncio.sleep(0)
    for task in tasks[:5]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, tuple) for result in results[5:])


def test_two_loops_use_one_engine(path: Path) -> None:
    engine = SqliteEngine(path)

    def loop() -> None:
        async def main() -> None:
            await asyncio.gather(*(engine.producer.enqueue([new()]) for _ in range(50)))

        asyncio.run(main())

    threads = [threading.Thread(target=loop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(engine.inspector.tally())["enqueued"] == 200
    asyncio.run(engine.close())


def test_forgotten_engine_closes_its_files(path: Path) -> None:
    engine = SqliteEngine(path)
    engine.sync_producer.enqueue_sync([new()])
    session = weakref.ref(engine.session)
    del engine
    gc.collect()
    assert session() is None


async def test_closed_engine_opens_again(engine: SqliteEngine) -> None:
    await engine.producer.enqueue([new()])
    await engine.close()
    await engine.close()
    await engine.producer.enqueue([new()])
    assert (await engine.inspector.tally())["enqueued"] == 2


async def test_log_is_cut_back(engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from dutiful.engines.sqlite.connections import writer

    monkeypatch.setattr(writer, "WAL_BYTES_KEPT", 100_000)
    monkeypatch.setattr(writer, "_TEND_COMMITS", 1)
    for _ in range(10):
        await engine.producer.enqueue([new(args=b'"%s"' % (b"x" * 1000)) for _ in range(50)])
    assert engine.session.database_file.wal_bytes() < 300_000
