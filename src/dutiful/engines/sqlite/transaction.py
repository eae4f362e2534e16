"""A transaction in which a task writes and its job is settled."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

from dutiful.core.errors import EngineUnavailable, UsageError
from dutiful.core.instant import SECOND
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement
from dutiful.engines._sql.statement import Plan, run

from .callers.joined import refuse_hiding
from .connections.adapters import shielded
from .connections.connection import connect, executor, translated
from .connections.lock_wait import run_with_lock_wait
from .connections.task_connection import TaskConnection
from .connections.task_cursor import ENDED
from .connections.write_lock import TASKS, FairFileLock
from .session import Hold, Session, holding
from .settling import brings_back, held, settle
from .statements import sql

_GUARD = "dutiful_guard"
_LEASE = sql("lease")
SECONDS_MAX = 5.0
"""How long a task may hold the write lock: no worker on the file can renew its lease meanwhile."""


class SqliteTransaction:
    """One write transaction on a connection of its own, from `begin` to `commit`."""

    def __init__(self, session: Session, claim: Claim) -> None:
        """Open nothing yet."""
        self._session = session
        self._claim = claim
        self._task_lock = FairFileLock(session.database_file.folder, names=TASKS)
        self._write_lock = FairFileLock(session.database_file.folder)
        self._connection: TaskConnection | None = None
        self._hold: Hold | None = None
        self._timer: threading.Timer | None = None
        self._guard = threading.Lock()
        self._overran: float | None = None

    def begin(self) -> sqlite3.Connection:
        """Take the write lock and return the connection; no other connection writes until the end.

        Held for longer than 5 s, or half of the worker's lease, it is rolled back and closed
        under the task: a statement that runs is interrupted, and the next one fails.
        """
        session = self._session.ready()
        database_file = session.database_file
        if self._connection is not None:
            raise UsageError("this transaction has begun already")
        session.forbid_inside("use the transaction that is open")
        connection = connect(database_file.path, session.durability, TaskConnection, create=False)
        assert isinstance(connection, TaskConnection)  # noqa: S101 - narrows the factory's type
        own = connection.plain()
        try:
            # Of all tasks one waits for the write lock: else no renewal would get it in time.
            self._task_lock.enter()
            self._write_lock.enter()
            run_with_lock_wait(database_file, own, "BEGIN IMMEDIATE")
            # If it is missing at the end, the task has ended the transaction by hand.
            database_file.run(own, f"SAVEPOINT {_GUARD}")
            seconds = self._limit(own)
        except BaseException:
            connection.finish()
            self._write_lock.close()
            self._task_lock.close()
            raise
        self._connection = connection
        self._hold = Hold(session)
        holding.set(self._hold)
        self._timer = threading.Timer(seconds, self._overrun, (seconds,))
        self._timer.daemon = True
        self._timer.start()
        return connection

    def commit(self, settlement: Settlement) -> bool:
        """Settle the job and commit, or undo everything when the claim is stale."""
        database_file = self._session.database_file
        with self._guard:  # from here on the commit is ours, and no longer the timer's to prevent
            connection, self._connection = self._connection, None
        if self._overran is not None:
            raise UsageError(
                f"ctx.transaction() was open for longer than {self._overran:g} s and was rolled "
                "back: no other connection can write meanwhile; do the slow part before it"
            )
        if connection is None:
            raise UsageError("begin the transaction before committing it")
        try:
            connection.seal()
            own = connection.plain()
            own.row_factory = None
            with translated(database_file.path):
                refuse_hiding(own)
            self._release(own)
            plan = _settle(settlement, self._session.clock.now())
            if not run(plan, executor(own, database_file.path)):
                return False
            database_file.commit(own)
        finally:
            self._end(connection)
        if brings_back((settlement,)):
            self._session.notifier.wake()
        return True

    def rollback(self) -> None:
        """Undo what is open and let others write."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            self._end(connection)

    def _end(self, connection: TaskConnection) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            connection.finish()
        finally:
            if self._hold is not None:
                self._hold.open = False
            self._write_lock.close()
            self._task_lock.close()

    def _limit(self, own: sqlite3.Cursor) -> float:
        """Return how long this transaction may last: no lease must run out over it."""
        row = own.execute(_LEASE, shielded((self._claim.job.worker,))).fetchone()
        lease: Any = None if row is None else row[0]
        known = type(lease) is int and lease > 0
        return min(SECONDS_MAX, lease / SECOND / 2) if known else SECONDS_MAX

    def _overrun(self, seconds: float) -> None:
        """Take the write lock from a task that holds it for too long; in the timer's thread."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            self._overran = seconds
            self._end(connection)

    def _release(self, own: sqlite3.Cursor) -> None:
        try:
            own.execute(f"RELEASE {_GUARD}")
        except sqlite3.OperationalError as error:
            if "no such savepoint" in str(error):
                raise UsageError(f"the task ended the transaction; {ENDED}") from error
            raise EngineUnavailable(f"the transaction cannot be ended: {error}") from error


def _settle(settlement: Settlement, now: int) -> Plan[bool]:
    if not (yield from held(settlement)):
        return False
    return not (yield from settle((settlement,), now))
