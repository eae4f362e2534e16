"""One commit for all who wait: callers queue their writes, whoever leads commits them together."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from dutiful.contract.reentry import insider
from dutiful.core.errors import ReplyUnknown

from .connection import LOCK_WAIT_SECONDS, WAL_BYTES_KEPT
from .database_file import DatabaseFile
from .group_commit import PendingWrite, SharedTransaction, Written, deliver, transact
from .lock_wait import LockWait
from .write_lock import FairFileLock, Wait
from .writer_thread import WriterThread

T = TypeVar("T")

_TEND_COMMITS = 64
_LOCKED_MS = 100
"""How long one attempt to begin may take; it is short, so that a fork need not wait for long."""


class Writer:
    """The one connection that writes, and the order of those who use it."""

    def __init__(
        self,
        database_file: DatabaseFile,
        connect: Callable[[], sqlite3.Connection],
        committed: Callable[[bool], None],
    ) -> None:
        """Open nothing yet; ``committed`` is told after each commit whether to wake workers."""
        self._database_file = database_file
        self._connect = connect
        self._committed = committed
        self._write_lock = FairFileLock(database_file.folder)
        self._thread_lock = FairFileLock(database_file.folder)
        """Where the writer's thread waits, while others close and fork around it."""
        self._connection: sqlite3.Connection | None = None
        self._fresh = True
        self._mutex = threading.RLock()
        self._turn = threading.Lock()
        self._pending: list[PendingWrite[Any]] = []
        self._busy = False
        self._thread = WriterThread(lambda: self._lead("without limit"))
        self.commits = 0
        self.seconds = LOCK_WAIT_SECONDS
        """How long a caller waits for other processes before it is told EngineUnavailable."""

    def write(self, plan: Callable[[], Written[T]], *, picky: bool = False) -> T:
        """Run a plan from a thread and return when it is committed."""
        entry = PendingWrite(plan, picky, None)
        with self._mutex:
            self._pending.append(entry)
            follows, self._busy = self._busy, True
        if follows:
            self._follow(entry)
        while not entry.done and not self._lead("not"):
            self._follow(entry)
        if entry.error is not None:
            raise entry.error
        value: T = entry.value
        return value

    async def awrite(self, plan: Callable[[], Written[T]], *, picky: bool = False) -> T:
        """Run a plan in the writer's thread and return when it is committed."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = PendingWrite(plan, picky, future)
        with insider():
            with self._mutex:
                self._pending.append(entry)
                leads, self._busy = not self._busy, True
            if leads and not self._thread.call():
                self._lead("a minute")
        lock_wait = LockWait(self._database_file, self.seconds)
        timer = lock_wait.limit(future, lambda error: self._give_up(entry, error))
        try:
            return await future
        finally:
            timer.cancel()

    def freeze(self) -> None:
        """Wait for the commit that is going on, let no other begin, and close the connection."""
        self._turn.acquire()
        self._close()

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._turn.release()

    def forsake(self) -> None:
        """Let go, in the child of a fork, of what the parent's thread waits with."""
        self._thread_lock.forsake()

    def close(self, seconds: float = 0) -> None:
        """Close the connection after the commit that is going on; wait so long for the thread."""
        self._thread.stop(seconds)
        with self._turn:
            self._close()

    def _follow(self, entry: PendingWrite[Any]) -> None:
        """Wait until the write is done, or ours to lead."""
        if entry.answered is None:
            return
        lock_wait = LockWait(self._database_file, self.seconds)
        lock_wait.ask()
        try:
            while not entry.answered.acquire(timeout=lock_wait.next()):
                error = lock_wait.judge()
                if error is not None and self._withdraw(entry):
                    raise error
                if error is not None:
                    entry.answered.acquire()  # it is being committed at this moment
                    return
        except BaseException:  # also an interrupt: leave the line, never with the lead in hand
            self._withdraw(entry)
            if entry.leads:
                self._lead("not")
            raise
        finally:
            lock_wait.end()

    def _give_up(self, entry: PendingWrite[Any], error: Exception) -> None:
        """Tell a coroutine that its write has waited too long."""
        if self._withdraw(entry):
            entry.error = error
            entry.answer()

    def _withdraw(self, entry: PendingWrite[Any]) -> bool:
        """Take a write back, unless it is being committed already."""
        with self._mutex:
            if entry not in self._pending:
                return False
            self._pending.remove(entry)
            return True

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        self._write_lock.close()
        if connection is not None:
            connection.close()

    def _lead(self, wait: Wait) -> bool:
        """Commit for everyone who waits, then let the first of those who came meanwhile lead.

        A caller does not wait here: it gets False where another process writes. Then the writer's
        thread leads, because it may wait without a limit.
        """
        batch: list[PendingWrite[Any]] = []
        wakes: bool | None = None
        try:
            with self._turn:
                if not self._connected(batch) or self._enter(batch, self._write_lock, "not"):
                    try:
                        wakes = self._commit_all(batch)
                    finally:
                        self._write_lock.leave()
            if wakes is None and wait == "not" and self._hand_to_thread():
                return False
            if wakes is None:
                wakes = self._commit_in_line(batch, "a minute" if wait == "not" else wait)
        except BaseException:
            lost = ReplyUnknown("the write was interrupted; it may or may not have happened")
            for entry in batch:
                entry.error = entry.error or lost
            self._hand_over()
            deliver(batch)
            raise
        stranded = self._hand_over()
        deliver(batch)
        self._committed(wakes)
        if stranded:
            self._lead("a minute")
        return True

    def _hand_over(self) -> bool:
        """Let the next one lead; True where that is a coroutine, and no thread can be started."""
        with self._mutex:
            heir = self._pending[0] if self._pending else None
            self._busy = heir is not None
            if heir is not None and heir.answered is not None:
                heir.leads = True
                heir.answered.release()
            return heir is not None and heir.answered is None and not self._thread.call()

    def _hand_to_thread(self) -> bool:
        with self._mutex:
            if not self._thread.call():
                return False
            for entry in self._pending:
                entry.leads = False
            return True

    def _commit_in_line(self, batch: list[PendingWrite[Any]], wait: Wait) -> bool:
        """Wait for our turn among the processes, then commit.

        The waits are outside of the turn, and so of `freeze`: uvloop forks as it starts a process,
        and the one who writes may be a task of that very loop, which it needs to come to its end.
        """
        lock_wait = LockWait(self._database_file, self.seconds)
        try:
            if not self._enter(batch, self._thread_lock, wait):
                return False
            while True:
                with self._turn:
                    # The connection may have been closed meanwhile.
                    wakes = self._commit_all(batch) if self._connected(batch) else False
                if wakes is not None or not self._pending:
                    return bool(wakes)
                if wait != "without limit" and (error := lock_wait.judge()):
                    self._fail(batch, error)
        finally:
            self._thread_lock.close()

    def _connected(self, batch: list[PendingWrite[Any]]) -> bool:
        """Open the connection if it is not; what goes wrong goes to all who wait with us."""
        try:
            if self._connection is None:
                self._connection, self._fresh = self._connect(), True
                self._connection.execute(f"PRAGMA busy_timeout = {_LOCKED_MS}").close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            self._fail(batch, error)
        return not batch

    def _enter(self, batch: list[PendingWrite[Any]], write_lock: FairFileLock, wait: Wait) -> bool:
        """Pass the door; what goes wrong goes to all who wait with us, and counts as passed."""
        try:
            return write_lock.enter(wait)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            self._fail(batch, error)
            return True

    def _fail(self, batch: list[PendingWrite[Any]], error: Exception) -> None:
        self._take(batch)
        for entry in batch:
            entry.error = error

    def _commit_all(self, batch: list[PendingWrite[Any]]) -> bool | None:
        """Commit all that has gathered until it was our turn; None while others hold the lock."""
        connection = self._connection
        if batch or connection is None:  # they have had their error
            return False
        try:
            transaction = SharedTransaction(connection, self._database_file)
            if not transaction.begin():
                return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            self._fail(batch, error)
            return False
        if self._fresh:
            self._fresh = False
            self._database_file.look_for_log()
        self._take(batch)
        if not batch:
            transaction.undo()
            return False
        wakes = transact(transaction, batch)
        self.commits += transaction.commits
        self._tend(connection)
        return wakes

    def _tend(self, connection: sqlite3.Connection) -> None:
        """Start the log again when readers who overlap have kept it from being reused."""
        if self.commits % _TEND_COMMITS or self._database_file.wal_bytes() <= WAL_BYTES_KEPT:
            return
        self._database_file.restart_log(connection)
        connection.execute(f"PRAGMA busy_timeout = {_LOCKED_MS}").close()

    def _take(self, batch: list[PendingWrite[Any]]) -> None:
        with self._mutex:
            batch.extend(self._pending)
            self._pending.clear()
