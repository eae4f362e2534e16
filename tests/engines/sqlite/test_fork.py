"""A fork carries no connection over; parent and child both go on."""

import os
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import new, rows

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="capability: fork")


def forked(work: Callable[[], object]) -> int:
    """Run work in a forked child and return its exit code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork: the point of it
        pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


@needs_fork
def test_both_go_on(path: Path) -> None:
    engine = SqliteEngine(path)
    engine.sync_producer.enqueue_sync([new()])
    inherited = engine.session.writer
    code = forked(lambda: [engine.sync_producer.enqueue_sync([new()]) for _ in range(20)])
    assert code == 0
    assert engine.session.writer is inherited
    engine.sync_producer.enqueue_sync([new()])
    engine.session.close()
    assert rows(path, "SELECT count(*) FROM dutiful_job") == [(22,)]


@needs_fork
def test_fork_under_load(path: Path) -> None:
    engine = SqliteEngine(path)
    engine.sync_producer.enqueue_sync([new()])
    stop = threading.Event()

    def produce() -> None:
        while not stop.is_set():
            engine.sync_producer.enqueue_sync([new()])

    threads = [threading.Thread(target=produce) for _ in range(3)]
    for thread in threads:
        thread.start()
    codes = [
        forked(lambda: [engine.sync_producer.enqueue_sync([new()]) for _ in range(5)])
        for _ in range(8)
    ]
    stop.set()
    for thread in threads:
        thread.join()
    engine.session.close()
    assert codes == [0] * 8
    ((jobs,),) = rows(path, "SELECT count(*) FROM dutiful_job")
    assert rows(path, "SELECT count FROM dutiful_tally WHERE name = 'enqueued'") == [(jobs,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
