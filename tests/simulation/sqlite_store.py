"""A real SQLite file below a simulated world."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Callable, Collection, Coroutine, Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from dutiful.contract.clock import Clock
from dutiful.core.job import AttemptError, Job
from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite.connections.writer import Writer
from dutiful.engines.sqlite.notifier import POLL_SECONDS
from dutiful.engines.sqlite.rows import job_of
from dutiful.engines.sqlite.statements import sql

from .loop import SimLoop, Step
from .sqlstore import Beds, HandedClock, RealCalls
from .store_rows import SqlStoreRows, Written

_EMPTY = (
    "DELETE FROM dutiful_job; DELETE FROM dutiful_failure; DELETE FROM dutiful_step; "
    "DELETE FROM dutiful_worker; DELETE FROM dutiful_queue; UPDATE dutiful_tally SET count = 0; "
    "DELETE FROM dutiful_schedule; DELETE FROM dutiful_occurrence; DELETE FROM dutiful_edition; "
    "DELETE FROM dutiful_activity; DELETE FROM dutiful_alert; "
    "DELETE FROM dutiful_job_log; "
    "DELETE FROM written; UPDATE dutiful_fence SET floor = 0"
)


class SqliteRows:
    """Reads the file on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._dump = sql("dump")

    def jobs(self) -> Sequence[tuple[Any, ...]]:
        return self.connection.execute(self._dump, (-1, 10**9)).fetchall()

    def glance(self) -> tuple[int, Collection[Written]]:
        counts: dict[str, int] = dict(self.connection.execute(sql("tally")))
        return counts.get("enqueued", 0), self.connection.execute(
            "SELECT 'tx', job, fence FROM written"
        ).fetchall()

    def steps(self, job_id: str) -> dict[str, bytes]:
        return dict(
            self.connection.execute(
                "SELECT name, result FROM dutiful_step "
                "WHERE seq = (SELECT seq FROM dutiful_job WHERE id = ?)",
                (job_id,),
            )
        )

    def errors(self, job_id: str) -> Sequence[AttemptError]:
        found = self.connection.execute(sql("errors"), (job_id,)).fetchall()
        return [AttemptError(job_id, *row) for row in found]

    def is_lost(self, worker: str) -> bool:
        text = "SELECT lost FROM dutiful_worker WHERE id = ?"
        return bool(self.connection.execute(text, (worker,)).fetchone()[0])


class SqliteStore(RealCalls):
    """One file and one engine for all processes of a world; they are on one host anyway."""

    name = "sqlite"
    threads = exclusive = True
    awaits = wall_leases = False

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._led = threading.Semaphore(0)
        self._leads = 0
        self._clock = HandedClock()
        self._engine = SqliteEngine(path, durability="normal", clock=self._clock)
        self._rung = False
        self.run(self._engine.open())
        self._rows = SqliteRows(path)
        self._rows.connection.execute(
            "CREATE TABLE written (job TEXT, fence INTEGER, UNIQUE (job, fence))"
        )
        self._engine.session.notifier.wake = self._notified
        self._follow(self._engine.session.writer)
        self.overran: Callable[[], None] = lambda: None

    def begin(self, clock: Clock, loop: SimLoop) -> None:
        self._rows.connection.executescript(_EMPTY)
        self._clock.world = clock
        self._loop = loop
        self._beds = Beds()
        self._count = 0
        self.store_rows = SqlStoreRows(self._rows, job_of)

    def engine(self, clock: Clock) -> SqliteEngine:
        return self._engine

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Wait also for what the writer's thread does after it has answered: it wakes workers."""
        try:
            return super().run(coroutine)
        finally:
            while self._leads:
                self._led.acquire()
                self._leads -= 1

    async def sleep(self, engine: SqliteEngine, queues: Sequence[str], seconds: float) -> None:
        self._count += 1
        watch = engine.session.idle_check
        seconds = min(seconds, POLL_SECONDS)
        await self._beds.sleep(str(self._count), seconds, lambda: watch.work(queues))

    def ring(self) -> None:
        if self._rung:
            self._rung = False
            self._beds.wake(self._beds.names)

    def write(self, connection: sqlite3.Connection, job: Job) -> None:
        connection.execute("INSERT INTO written VALUES (?, ?)", (job.id, job.fence))

    def timer(self, seconds: float, call: Callable[..., None], args: tuple[Any, ...]) -> SimTimer:
        """Stand in for `threading.Timer`."""
        return SimTimer(self, seconds, lambda: call(*args))

    def close(self) -> None:
        """Close the file."""
        self.run(self._engine.close())
        self._rows.connection.close()
        self.end()

    def _follow(self, writer: Writer) -> None:
        """Count how often the writer's thread is called, and when it is done."""
        thread = writer._thread
        call, lead = thread.call, thread._lead

        def called() -> bool:
            self._leads += 1
            return call()

        def led() -> object:
            try:
                return lead()
            finally:
                self._led.release()

        thread.call, thread._lead = called, led

    def _notified(self) -> None:
        self._rung = True


class SimTimer:
    """A timer in virtual time, which stands still with its process and dies with it."""

    def __init__(self, store: SqliteStore, seconds: float, call: Callable[[], None]) -> None:
        self._store = store
        self._seconds = seconds
        self._call = call
        self._step: Step | None = None

    def start(self) -> None:
        self._step = self._store._loop.call_later(self._seconds, self._fire)

    def cancel(self) -> None:
        if self._step is not None:
            self._step.cancel()

    def _fire(self) -> None:
        self._call()
        self._store.overran()


@contextmanager
def sqlite_store() -> Generator[SqliteStore]:
    """Open a file of its own, whose transactions are timed by the world."""
    with tempfile.TemporaryDirectory(prefix="dutiful-simulation-") as folder:
        with closing(SqliteStore(Path(folder) / "jobs.db")) as store:
            timed = SimpleNamespace(Lock=threading.Lock, Timer=store.timer)
            where = "dutiful.engines.sqlite.transaction"
            with patch(f"{where}.threading", timed):
                yield store
