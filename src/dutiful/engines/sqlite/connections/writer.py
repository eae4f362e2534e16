"""One commit for all waiting writes: callers queue them, and one of them, the leader, commits."""

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
"""Seconds that one attempt to begin may take; short, so that a fork need not wait for long."""


class Writer:
    """The one connection that writes, and the queue of writes."""

    def __init__(
        self,
        database_file: DatabaseFile,
        connect: Callable[[], sqlite3.Connection],
        committed: Callable[[bool], None],
    ) -> None:
        """Open nothing yet; ``committed`` gets, after each commit, whether to wake workers."""
        self._database_file = database_file
        self._connect = connect
        self._committed = committed
        self._write_lock = FairFileLock(database_file.folder)
        self._thread_lock = FairFileLock(database_file.folder)
        """The lock on which the writer's thread waits, while other threads may close and fork."""
        self._connection: sqlite3.Connection | None = None
        self._fresh = True
        self._mutex = threading.RLock()
        self._turn = threading.Lock()
        self._pending: list[PendingWrite[Any]] = []
        self._busy = False
        self._thread = WriterThread(lambda: self._lead("without limit"))
        self.commits = 0
        self.seconds = LOCK_WAIT_SECONDS
        """Seconds that a caller waits for other processes; then it gets EngineUnavailable."""

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
        """Wait for the running commit, prevent new ones, and close the connection."""
        self._turn.acquire()
        self._close()

    def thaw(self) -> None:
        """Allow commits again after `freeze`."""
        self._turn.release()

    def forsake(self) -> None:
        """Close, in the child of a fork, the lock files on which the parent's thread waits."""
        self._thread_lock.forsake()

    def close(self, seconds: float = 0) -> None:
        """Close the connection after the running commit; wait ``seconds`` for the thread to end."""
        self._thread.stop(seconds)
        with self._turn:
            self._close()

    def _follow(self, entry: PendingWrite[Any]) -> None:
        """Wait until the write is done, or until this caller becomes the leader."""
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
                    entry.answered.acquire()  # it is being committed now
                    return
        except BaseException:  # also an interrupt: leave the queue, and pass on the leadership
            self._withdraw(entry)
            if entry.leads:
                self._lead("not")
            raise
        finally:
            lock_wait.end()

    def _give_up(self, entry: PendingWrite[Any], error: Exception) -> None:
        """Fail a coroutine's write, which has waited too long."""
        if self._withdraw(entry):
            entry.error = error
            entry.answer()

    def _withdraw(self, entry: PendingWrite[Any]) -> bool:
        """Withdraw a write, unless it is being committed already."""
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
        """Commit all queued writes, then make the first caller that came meanwhile the leader.

        A caller does not wait for other processes here: it gets False while another process
        writes. Then the writer's thread leads, because it may wait without a limit.
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
        """Choose the next leader; True if it is a coroutine and no thread can be started for it."""
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
        """Wait for the lock between processes, then commit.

        It does not hold ``_turn`` while it waits, so `freeze` need not wait for it. This matters as
        uvloop forks when it starts a process: the other writer may be a task of that loop, which
        has to run on to end its transaction.
        """
        lock_wait = LockWait(self._database_file, self.seconds)
        try:
            if not self._enter(batch, self._thread_lock, wait):
                return False
            while True:
                with self._turn:
                    # The connection may have been closed during the wait.
                    wakes = self._commit_all(batch) if self._connected(batch) else False
                if wakes is not None or not self._pending:
                    return bool(wakes)
                if wait != "without limit" and (error := lock_wait.judge()):
                    self._fail(batch, error)
        finally:
            self._thread_lock.close()

    def _connected(self, batch: list[PendingWrite[Any]]) -> bool:
        """Open the connection if it is not open; an error fails all queued writes."""
        try:
            if self._connection is None:
                self._connection, self._fresh = self._connect(), True
                self._connection.execute(f"PRAGMA busy_timeout = {_LOCKED_MS}").close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            self._fail(batch, error)
        return not batch

    def _enter(self, batch: list[PendingWrite[Any]], write_lock: FairFileLock, wait: Wait) -> bool:
        """Take the lock; an error fails all queued writes, and counts as taken."""
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
        """Commit all writes queued so far; None while another connection holds the lock."""
        connection = self._connection
        if batch or connection is None:  # these writes have failed already
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
        """Empty the log when overlapping readers have prevented its reuse."""
        if self.commits % _TEND_COMMITS or self._database_file.wal_bytes() <= WAL_BYTES_KEPT:
            return
        self._database_file.restart_log(connection)
        connection.execute(f"PRAGMA busy_timeout = {_LOCKED_MS}").close()

    def _take(self, batch: list[PendingWrite[Any]]) -> None:
        with self._mutex:
            batch.extend(self._pending)
            self._pending.clear()
