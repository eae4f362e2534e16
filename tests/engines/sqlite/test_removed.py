"""A file that is removed or replaced under live processes is noticed, and takes nothing in."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dutiful import App
from dutiful.core.errors import DutifulError, EngineUnavailable, ReplyUnknown
from dutiful.core.event import EngineRecovered, EngineTroubled
from dutiful.core.settle import Settlement
from dutiful.engines.sqlite import SqliteEngine
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker
from tests.engines.sqlite.support import WANTED, claimed, new, rows, settled, worker
from tests.until import until
from tests.worker.support import Events


def remove(path: Path) -> None:
    for file in path.parent.glob("jobs.db*"):
        shutil.rmtree(file) if file.is_dir() else file.unlink()


def remove_file(path: Path) -> None:
    path.unlink()


def remove_log(path: Path) -> None:
    path.with_name("jobs.db-wal").unlink()


def remove_index(path: Path) -> None:
    path.with_name("jobs.db-shm").unlink()


def move_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))


def replace(path: Path) -> None:
    other = SqliteEngine(path.with_name("other.db"))
    other.sync_producer.enqueue_sync([new()])
    other.session.close()
    path.with_name("other.db").rename(path)


def copy_over(path: Path) -> None:
    """What `cp backup.db jobs.db` begins with."""
    with path.open("r+b") as file:
        file.truncate(0)


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder / "jobs.db"


WAYS = [remove, remove_file, remove_log, remove_index, move_folder, replace]


@pytest.mark.parametrize("way", [*WAYS, copy_over])
@pytest.mark.parametrize("idle", [False, True])
def test_an_enqueuer_is_told(deep: Path, way: Callable[[Path], None], idle: bool) -> None:
    engine = SqliteEngine(deep)
    engine.sync_producer.enqueue_sync([new()])
    way(deep)
    if idle:  # so that the file is looked at before anything is written
        engine.session._look_at = 0
    with pytest.raises((EngineUnavailable, ReplyUnknown), match="while"):
        engine.sync_producer.enqueue_sync([new()])
    with pytest.raises(EngineUnavailable, match="while"):
        engine.sync_producer.enqueue_sync([new()])
    engine.session.close()


@pytest.mark.parametrize("way", WAYS)
def test_what_is_acknowledged_afterwards_is_there(
    deep: Path, way: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dutiful.engines.sqlite.session._TROUBLE_SECONDS", 0.05)
    engine = SqliteEngine(deep)
    engine.sync_producer.enqueue_sync([new()])
    way(deep)
    stored: list[str] = []
    for _ in range(8):
        job = new()
        try:
            engine.sync_producer.enqueue_sync([job])
        except (EngineUnavailable, ReplyUnknown):
            time.sleep(0.03)
        else:
            stored.append(job.id)
    engine.session.close()
    if way in (remove, remove_file, move_folder):
        assert stored == []
        assert not deep.exists()
    else:
        assert stored
        found = {row[0] for row in rows(deep, "SELECT id FROM dutiful_job")}
        assert found.issuperset(stored)
        assert rows(deep, "PRAGMA integrity_check") == [("ok",)]


def test_the_file_put_back_is_used_again(deep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dutiful.engines.sqlite.session._TROUBLE_SECONDS", 0.05)
    engine = SqliteEngine(deep)
    engine.sync_producer.enqueue_sync([new()])
    away = deep.parent.with_name("away")
    deep.parent.rename(away)
    with pytest.raises((ReplyUnknown, EngineUnavailable)):  # the latter after a second's pause
        engine.sync_producer.enqueue_sync([new()])
    time.sleep(0.06)
    with pytest.raises(EngineUnavailable, match="put it back"):
        engine.sync_producer.enqueue_sync([new()])
    away.rename(deep.parent)
    time.sleep(0.06)
    engine.sync_producer.enqueue_sync([new()])
    engine.session.close()
    assert rows(deep, "SELECT count(*) FROM dutiful_job")[0][0] >= 2


def test_a_closed_engine_begins_anew(deep: Path) -> None:
    engine = SqliteEngine(deep)
    engine.sync_producer.enqueue_sync([new()])
    engine.session.close()
    remove(deep)
    engine.sync_producer.enqueue_sync([new()])
    engine.session.close()
    assert rows(deep, "SELECT count(*) FROM dutiful_job") == [(1,)]


async def test_a_claim_from_a_removed_file_is_not_given_out(deep: Path) -> None:
    engine = SqliteEngine(deep)
    await engine.open()
    await engine.fleet.join(worker())
    await engine.producer.enqueue([new()])
    remove(deep)
    with pytest.raises((EngineUnavailable, ReplyUnknown)):
        await engine.consumer.exchange("w1", [], WANTED)
    await engine.close()


async def test_a_transaction_in_a_removed_file_is_not_said_to_be_committed(deep: Path) -> None:
    engine = SqliteEngine(deep)
    await engine.open()
    (claim,) = await claimed(engine)
    transaction = engine.transactional.transaction(claim)
    transaction.begin()
    remove(deep)
    settlement: Settlement = settled(claim)
    with pytest.raises(ReplyUnknown):
        transaction.commit(settlement)
    await engine.close()


async def test_reads_see_it_too(deep: Path) -> None:
    engine = SqliteEngine(deep)
    job = new()
    await engine.producer.enqueue([job])
    remove(deep)
    engine.session._look_at = 0
    with pytest.raises(EngineUnavailable, match="was removed"):
        await engine.inspector.get([job.id])
    await engine.close()


async def test_the_callers_own_connection(deep: Path) -> None:
    engine = SqliteEngine(deep)
    await engine.producer.enqueue([new()])
    own = sqlite3.connect(deep)
    own.execute("BEGIN IMMEDIATE")
    remove(deep)
    with pytest.raises(DutifulError, match="was removed"):
        engine.caller_producer.enqueue_on(own, [new()])
    own.close()
    await engine.close()


async def test_an_idle_worker_tells_it_and_goes_on_when_it_is_back(deep: Path) -> None:
    app = App(f"sqlite:///{deep}", lease="2s", heartbeat="500ms")
    done: list[int] = []

    @app.task
    async def note(n: int) -> None:
        done.append(n)

    events = Events(app)
    runner = Worker(app, WorkerOptions(lease=app.settings.leases()))
    running = asyncio.create_task(runner.run())
    await note.aenqueue(1)
    await until(lambda: done == [1], 30)
    away = deep.parent.with_name("away")
    deep.parent.rename(away)
    await until(lambda: events.of(EngineTroubled), 10)
    assert "was removed" in events.of(EngineTroubled)[0].error
    assert not deep.exists()  # noqa: ASYNC240 - a look at a local file
    away.rename(deep.parent)
    await note.aenqueue(2)
    await until(lambda: done == [1, 2], 30)
    await until(lambda: events.of(EngineRecovered), 10)
    runner.stop()
    await running
    await app.close()
