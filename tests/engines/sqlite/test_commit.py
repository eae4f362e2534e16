"""What a failing commit leaves open is told as such, and is stored once when it is asked again."""

import os
import resource
import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from dutiful import App
from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from dutiful.engines.sqlite import SqliteEngine, session, transaction
from dutiful.engines.sqlite.connections.connection import StoreConnection, connect
from dutiful.engines.sqlite.connections.task_connection import TaskConnection
from tests.engines.sqlite.support import WANTED, claimed, new, rows, settled, worker
from tests.engines.sqlite.test_fork import forked

FAILURES = [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR]


class Failing(StoreConnection):
    """A connection whose commits fail so many times, after they were done or instead."""

    left = 0
    code = sqlite3.SQLITE_IOERR
    done = False

    def execute(self, text: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return committed(super().execute, text, parameters)


class FailingCursor(sqlite3.Cursor):
    """The same of a cursor."""

    def execute(self, text: str, parameters: Any = (), /) -> sqlite3.Cursor:
        return committed(super().execute, text, parameters)


class FailingTask(TaskConnection):
    """The same for a task's transaction."""

    def plain(self) -> sqlite3.Cursor:
        return sqlite3.Connection.cursor(self, FailingCursor)


def committed(execute: Callable[..., sqlite3.Cursor], text: str, parameters: Any) -> sqlite3.Cursor:
    if text != "COMMIT" or Failing.left == 0:
        return execute(text, parameters)
    Failing.left -= 1
    if Failing.done:
        execute(text)
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = Failing.code  # type: ignore[misc] - as the driver sets it
    raise error


@pytest.fixture
def failing(path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[SqliteEngine]:
    """An engine whose connections can be made to fail."""
    engine = SqliteEngine(path)
    engine.sync_producer.enqueue_sync([new()])
    engine.session.close()

    def opened(path: Path, *arguments: object, **options: object) -> StoreConnection:
        return connect(path, "full", Failing)

    monkeypatch.setattr(session, "connect", opened)
    monkeypatch.setattr(transaction, "TaskConnection", FailingTask)
    engine = SqliteEngine(path)
    engine.session.ready()
    yield engine
    Failing.left = 0
    engine.session.close()


def fail(times: int, code: int, *, done: bool) -> None:
    Failing.left, Failing.code, Failing.done = times, code, done


@pytest.mark.parametrize("code", FAILURES)
@pytest.mark.parametrize("done", [True, False])
async def test_an_enqueue_is_in_doubt(failing: SqliteEngine, code: int, done: bool) -> None:
    job = new()
    fail(1, code, done=done)
    with pytest.raises(ReplyUnknown, match="may or may not"):
        failing.sync_producer.enqueue_sync([job])
    failing.sync_producer.enqueue_sync([job])
    fail(1, code, done=done)
    other = new()
    with pytest.raises(ReplyUnknown, match="may or may not"):
        await failing.producer.enqueue([other])
    await failing.producer.enqueue([other])
    assert (await failing.inspector.tally())["enqueued"] == 3


@pytest.mark.parametrize("done", [True, False])
async def test_a_settlement_is_in_doubt(failing: SqliteEngine, done: bool) -> None:
    await failing.fleet.join(worker())
    claims = (await failing.consumer.exchange("w1", [], WANTED)).claims
    settlements = [settled(claim) for claim in claims]
    fail(1, sqlite3.SQLITE_IOERR_FSYNC, done=done)
    with pytest.raises(ReplyUnknown):
        await failing.consumer.exchange("w1", settlements, None)
    assert (await failing.consumer.exchange("w1", settlements, None)).refused == ()


@pytest.mark.parametrize("code", FAILURES)
async def test_a_tasks_transaction_is_in_doubt(failing: SqliteEngine, code: int) -> None:
    (claim,) = await claimed(failing)
    task = failing.transactional.transaction(claim)
    task.begin()
    fail(1, code, done=False)
    with pytest.raises(ReplyUnknown, match="may or may not"):
        task.commit(settled(claim))


async def test_other_errors_of_a_commit_are_not(failing: SqliteEngine) -> None:
    fail(1, sqlite3.SQLITE_FULL, done=False)
    with pytest.raises(EngineUnavailable, match="no space left"):
        await failing.producer.enqueue([new()])
    await failing.producer.enqueue([new()])
    assert (await failing.inspector.tally())["enqueued"] == 2


def test_an_app_asks_again(failing: SqliteEngine, path: Path) -> None:
    app = App(engine=failing)

    @app.task
    def note() -> None: ...

    fail(2, sqlite3.SQLITE_IOERR_FSYNC, done=True)
    note.enqueue()
    assert rows(path, "SELECT count(*) FROM dutiful_job") == [(2,)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="capability: fork")
def test_a_file_that_may_not_grow(path: Path) -> None:
    """The real thing: the log cannot be written any further."""

    def work() -> None:
        engine = SqliteEngine(path)
        engine.sync_producer.enqueue_sync([new()])
        most = path.with_name("jobs.db-wal").stat().st_size + 10_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
        job = new(args=b'"%s"' % (b"x" * 200_000))
        with pytest.raises(ReplyUnknown):
            engine.sync_producer.enqueue_sync([job])
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        engine.sync_producer.enqueue_sync([job])
        engine.session.close()

    assert forked(work) == 0
    assert rows(path, "SELECT count(*) FROM dutiful_job") == [(2,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
