"""Who waits for the write lock is told who holds it, and never waits for himself."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from dutiful import App
from dutiful.core.errors import EngineUnavailable, UsageError
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import child, claimed, ended, heard, new, rows

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def own(path: Path, engine: SqliteEngine) -> Generator[sqlite3.Connection]:
    """A connection of the caller's own, with a transaction that has written."""
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE mine (n)")
    connection.execute("INSERT INTO mine VALUES (1)")
    assert connection.in_transaction
    yield connection
    connection.close()


def refused(call: Callable[[], object]) -> str:
    began = time.monotonic()
    with pytest.raises(UsageError) as caught:
        call()
    assert time.monotonic() - began < 10
    return str(caught.value)


def test_ones_own_transaction(engine: SqliteEngine, own: sqlite3.Connection) -> None:
    for _ in range(2):
        assert "using(connection=...)" in refused(
            lambda: engine.sync_producer.enqueue_sync([new()])
        )
    engine.caller_producer.enqueue_on(own, [new()])
    own.commit()
    engine.sync_producer.enqueue_sync([new()])
    assert asyncio.run(engine.inspector.tally())["enqueued"] == 2


def test_others_are_not_refused_with_it(engine: SqliteEngine, own: sqlite3.Connection) -> None:
    others = [
        threading.Thread(target=engine.sync_producer.enqueue_sync, args=([new()],))
        for _ in range(4)
    ]
    for other in others:
        other.start()
    assert "would wait for itself" in refused(lambda: engine.sync_producer.enqueue_sync([new()]))
    assert all(other.is_alive() for other in others)
    own.commit()
    for other in others:
        other.join()
    assert asyncio.run(engine.inspector.tally())["enqueued"] == 4


def test_another_threads_transaction_is_waited_for(engine: SqliteEngine, path: Path) -> None:
    open_, end = threading.Event(), threading.Event()

    def work() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        open_.set()
        end.wait(60)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert open_.wait(60)
    engine.session.writer.seconds = 0.5
    with pytest.raises(EngineUnavailable, match=r"a connection of this process.* \d+(\.\d+)? s"):
        engine.sync_producer.enqueue_sync([new()])
    engine.session.writer.seconds = 60
    threading.Timer(0.5, end.set).start()
    engine.sync_producer.enqueue_sync([new()])
    thread.join()
    assert asyncio.run(engine.inspector.tally())["enqueued"] == 1


def test_the_first_enqueue_inside_ones_own_transaction(path: Path) -> None:
    own = sqlite3.connect(path)  # still without a write-ahead log
    own.execute("CREATE TABLE mine (n)")
    own.execute("INSERT INTO mine VALUES (1)")
    app = App(f"sqlite:///{path}")

    @app.task
    def note() -> None: ...

    assert "would wait for itself" in refused(note.enqueue)
    own.commit()
    note.enqueue()
    own.close()
    asyncio.run(app.close())


async def test_a_task_with_a_connection_of_its_own(
    engine: SqliteEngine, own: sqlite3.Connection
) -> None:
    own.commit()
    (claim,) = await claimed(engine)
    own.execute("INSERT INTO mine VALUES (2)")
    transaction = engine.transactional.transaction(claim)
    assert "would wait for itself" in refused(transaction.begin)
    own.rollback()
    transaction.begin()
    transaction.rollback()


SHARED = """
import sqlite3, sys
from dutiful import App
from dutiful.core.errors import UsageError
app = App(f"sqlite:///{sys.argv[1]}")
@app.task
def note(n: int) -> None: ...
note.enqueue(1)
own = sqlite3.connect(sys.argv[1], check_same_thread=False)
own.execute("CREATE TABLE mine (n)")
own.execute("INSERT INTO mine VALUES (1)")
try:
    note.enqueue(2)
except UsageError as error:
    print(error)
"""


def test_a_connection_that_threads_share(path: Path) -> None:
    process = child(SHARED, path)
    assert "would wait for itself" in ended(process)


DJANGO = """
import sys, threading
import django
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3",
                                          "NAME": sys.argv[1]}})
django.setup()
from django.db import connection, transaction
from dutiful import App
from dutiful.core.errors import UsageError
app = App(f"sqlite:///{sys.argv[1]}")
@app.task
def note(n: int) -> None: ...
note.enqueue(1)
threading.Thread(target=threading.Event().wait, daemon=True).start()  # as a server has
with transaction.atomic():
    connection.cursor().execute("CREATE TABLE mine (n)")
    try:
        note.enqueue(2)
    except UsageError as error:
        print(error)
"""


def test_djangos_atomic(path: Path) -> None:
    pytest.importorskip("django", reason="peer: no Django here")
    assert "would wait for itself" in ended(child(DJANGO, path))


def test_another_process_is_named(engine: SqliteEngine, path: Path) -> None:
    holder = child(HOLD, path)
    assert heard(holder) == "held"
    engine.session.writer.seconds = 0.4
    proc = Path("/proc/locks").exists()
    named = f"another process (pid {holder.pid})" if proc else "another process"
    with pytest.raises(EngineUnavailable) as caught:
        engine.sync_producer.enqueue_sync([new()])
    assert named in str(caught.value)
    with pytest.raises(EngineUnavailable) as caught:
        asyncio.run(engine.producer.enqueue([new()]))
    assert named in str(caught.value)
    os.kill(holder.pid, signal.SIGKILL)
    ended(holder)
    engine.session.writer.seconds = 60
    engine.sync_producer.enqueue_sync([new()])


def test_a_stale_snapshot(engine: SqliteEngine, path: Path) -> None:
    own = sqlite3.connect(path, isolation_level=None)
    own.execute("BEGIN")
    own.execute("SELECT count(*) FROM dutiful_job").fetchall()
    engine.sync_producer.enqueue_sync([new()])
    with pytest.raises(EngineUnavailable, match=r"began with a read.*BEGIN IMMEDIATE"):
        engine.caller_producer.enqueue_on(own, [new()])
    own.close()


def test_the_time_waited_is_the_true_one(engine: SqliteEngine, path: Path) -> None:
    holder = child(HOLD, path)
    assert heard(holder) == "held"
    own = sqlite3.connect(path, timeout=0.2)
    with pytest.raises(EngineUnavailable, match=r"locked by another connection \(waited 0\.[2-9]"):
        engine.caller_producer.enqueue_on(own, [new()])
    own.close()
    holder.kill()
    ended(holder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="capability: fork")
def test_a_fork_does_not_wait_for_a_foreign_lock(engine: SqliteEngine, path: Path) -> None:
    holder = child(HOLD, path)
    assert heard(holder) == "held"
    waiting = threading.Thread(target=engine.sync_producer.enqueue_sync, args=([new()],))
    waiting.start()
    began = time.monotonic()
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", ""], preexec_fn=lambda: None)
        assert done.returncode == 0
    assert time.monotonic() - began < 20
    holder.kill()
    ended(holder)
    waiting.join()
    assert rows(path, "SELECT count(*) FROM dutiful_job") == [(1,)]
