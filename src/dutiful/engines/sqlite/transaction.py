"""A transaction in which a task writes and its job is settled."""

from __future__ import annotations

import sqlite3
import threading
from time import sleep
from types import TracebackType
from typing import Any, Literal, NoReturn

from dutiful.contract.statement import Plan, run
from dutiful.core.errors import EngineUnavailable, UsageError
from dutiful.core.instant import SECOND
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement

from .connection import StoreConnection, connect, executor
from .door import TASKS, Door
from .patience import run_patiently
from .session import Hold, Session, holding
from .settling import brings_back, held, settle
from .statements import sql

_GUARD = "dutiful_guard"
_LEASE = sql("lease")
_HEARD_SECONDS = 0.05
SECONDS_MAX = 5.0
"""How long a task may hold the write lock: no worker on the file can renew its lease meanwhile."""
_ENDED = (
    "the transaction belongs to the job: it is committed when the task returns and rolled back "
    "when it raises; leave out commit(), rollback() and executescript(), use SAVEPOINT for parts"
)


class TaskConnection(StoreConnection):
    """A plain connection that leaves the end of its transaction to the job."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> Literal[False]:
        """Leave a ``with`` block without committing."""
        return False

    def commit(self) -> NoReturn:
        """Refuse: the job's settlement has to be part of it."""
        raise UsageError(_ENDED)

    def rollback(self) -> NoReturn:
        """Refuse: raise an error in the task instead."""
        raise UsageError(_ENDED)

    def close(self) -> NoReturn:
        """Refuse: the job still needs it."""
        raise UsageError(_ENDED)

    def executescript(self, sql_script: str, /) -> NoReturn:
        """Refuse: it commits before it begins."""
        raise UsageError(_ENDED)


class SqliteTransaction:
    """One write transaction on a connection of its own, from `begin` to `commit`."""

    def __init__(self, session: Session, claim: Claim) -> None:
        """Open nothing yet."""
        self._session = session
        self._claim = claim
        self._lane = Door(session.place.folder, names=TASKS)
        self._door = Door(session.place.folder)
        self._connection: TaskConnection | None = None
        self._hold: Hold | None = None
        self._timer: threading.Timer | None = None
        self._guard = threading.Lock()
        self._overran: float | None = None

    def begin(self) -> sqlite3.Connection:
        """Take the write lock and return the connection; nobody else writes until the end.

        Held for longer than 5 s, or half of the worker's lease, it is rolled back and closed
        under the task, whose next statement fails.
        """
        session = self._session.ready()
        place = session.place
        if self._connection is not None:
            raise UsageError("this transaction has begun already")
        session.forbid_inside("use the transaction that is open")
        connection = connect(place.path, session.durability, TaskConnection, create=False)
        try:
            # Were all who wait at the door tasks, no renewal would come through in time.
            self._lane.enter()
            self._door.enter()
            run_patiently(place, connection, "BEGIN IMMEDIATE")
            # Its absence tells at the end that somebody ended the transaction by hand.
            place.run(connection, f"SAVEPOINT {_GUARD}")
            seconds = self._limit(connection)
        except BaseException:
            self._door.close()
            self._lane.close()
            sqlite3.Connection.close(connection)
            raise
        assert isinstance(connection, TaskConnection)  # noqa: S101 - narrows the factory's type
        self._connection = connection
        self._hold = Hold(session)
        holding.set(self._hold)
        self._timer = threading.Timer(seconds, self._overrun, (seconds,))
        self._timer.daemon = True
        self._timer.start()
        return connection

    def commit(self, settlement: Settlement) -> bool:
        """Settle the job and commit, or undo everything when the claim is stale."""
        place = self._session.place
        with self._guard:  # from here on the commit is ours, and no longer the timer's to prevent
            connection, self._connection = self._connection, None
        if self._overran is not None:
            raise UsageError(
                f"ctx.transaction() was open for longer than {self._overran:g} s and was rolled "
                "back: nobody else can write meanwhile; do the slow part before it"
            )
        if connection is None:
            raise UsageError("begin the transaction before committing it")
        connection.row_factory = None
        connection.text_factory = str
        try:
            self._release(connection)
            plan = _settle(settlement, self._session.clock.now())
            if not run(plan, executor(connection, place.path)):
                return False
            place.commit(connection)
        finally:
            self._end(connection)
        if brings_back((settlement,)):
            self._session.sleepers.wake()
        return True

    def rollback(self) -> None:
        """Undo what is open and let others write."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            self._end(connection)

    def _end(self, connection: sqlite3.Connection) -> None:
        if self._timer is not None:
            self._timer.cancel()
        try:
            sqlite3.Connection.close(connection)  # rolls back
        finally:
            if self._hold is not None:
                self._hold.open = False
            self._door.close()
            self._lane.close()

    def _limit(self, connection: sqlite3.Connection) -> float:
        """Return how long this transaction may last: no lease must run out over it."""
        row = connection.execute(_LEASE, (self._claim.job.worker,)).fetchone()
        lease: Any = None if row is None else row[0]
        known = type(lease) is int and lease > 0
        return min(SECONDS_MAX, lease / SECOND / 2) if known else SECONDS_MAX

    def _overrun(self, seconds: float) -> None:
        """Take the write lock from a task that holds it for too long; in the timer's thread."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            self._overran = seconds
            # A statement that runs fails as interrupted; a moment later, when its thread has
            # heard of it, the connection is closed under whatever comes next.
            connection.interrupt()
            sleep(_HEARD_SECONDS)
            self._end(connection)

    def _release(self, connection: TaskConnection) -> None:
        try:
            connection.execute(f"RELEASE {_GUARD}").close()
        except sqlite3.OperationalError as error:
            if "no such savepoint" in str(error):
                raise UsageError(f"the task ended the transaction; {_ENDED}") from error
            raise EngineUnavailable(f"the transaction cannot be ended: {error}") from error


def _settle(settlement: Settlement, now: int) -> Plan[bool]:
    if not (yield from held(settlement)):
        return False
    return not (yield from settle((settlement,), now))
