"""One commit for all who wait: callers queue their writes, whoever leads commits them together."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from dutiful.core.errors import EngineUnavailable, ReplyUnknown

from .connection import PATIENCE_SECONDS, WAL_BYTES_KEPT, Undecoded, lenient
from .door import Door, Wait
from .group import Entry, Transaction, Written, deliver
from .place import Place

T = TypeVar("T")

_IDLE_SECONDS = 10.0
_TEND_COMMITS = 64
_TEND_MS = 200


class Writer:
    """The one connection that writes, and the order of those who use it."""

    def __init__(
        self,
        place: Place,
        connect: Callable[[], sqlite3.Connection],
        committed: Callable[[bool], None],
    ) -> None:
        """Open nothing yet; ``committed`` is told after each commit whether to wake workers."""
        self._place = place
        self._connect = connect
        self._committed = committed
        self._door = Door(place.folder)
        self._line = Door(place.folder)
        """Where the writer's thread waits, while others close and fork around it."""
        self._connection: sqlite3.Connection | None = None
        self._mutex = threading.Lock()
        self._turn = threading.Lock()
        self._pending: list[Entry[Any]] = []
        self._busy = False
        self._thread: threading.Thread | None = None
        self._calls = queue.SimpleQueue[None]()
        self.commits = 0
        self.seconds = PATIENCE_SECONDS
        """How long a caller waits for other processes before it is told EngineUnavailable."""

    def write(self, plan: Callable[[], Written[T]], *, picky: bool = False) -> T:
        """Run a plan from a thread and return when it is committed."""
        entry = Entry(plan, picky, None)
        with self._mutex:
            self._pending.append(entry)
            follows, self._busy = self._busy, True
        if follows:
            self._follow(entry)
        while not entry.done and not self._lead(in_thread=False):
            self._follow(entry)
        if entry.error is not None:
            raise entry.error
        value: T = entry.value
        return value

    async def awrite(self, plan: Callable[[], Written[T]], *, picky: bool = False) -> T:
        """Run a plan in the writer's thread and return when it is committed."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        entry = Entry(plan, picky, future)
        with self._mutex:
            self._pending.append(entry)
            leads, self._busy = not self._busy, True
            if leads:
                self._call()
        patience = future.get_loop().call_later(self.seconds, self._give_up, entry)
        try:
            return await future
        finally:
            patience.cancel()

    def freeze(self) -> None:
        """Wait for the commit that is going on, let no other begin, and close the connection."""
        self._turn.acquire()
        self._close()

    def thaw(self) -> None:
        """Go on after `freeze`."""
        self._turn.release()

    def forsake(self) -> None:
        """Let go, in the child of a fork, of what the parent's thread waits with."""
        self._line.forsake()

    def close(self) -> None:
        """Close the connection after the commit that is going on."""
        with self._turn:
            self._close()

    def _follow(self, entry: Entry[Any]) -> None:
        """Wait until the write is done, or ours to lead."""
        if entry.gate is None:
            return
        try:
            if not entry.gate.acquire(timeout=self.seconds):
                if self._withdraw(entry):
                    raise self._tired()
                entry.gate.acquire()  # it is being committed at this moment
        except BaseException:  # also an interrupt: leave the line, never with the lead in hand
            self._withdraw(entry)
            if entry.leads:
                self._lead(in_thread=False)
            raise

    def _give_up(self, entry: Entry[Any]) -> None:
        """Tell a coroutine that its write has waited too long."""
        if self._withdraw(entry):
            entry.error = self._tired()
            entry.answer()

    def _withdraw(self, entry: Entry[Any]) -> bool:
        """Take a write back, unless it is being committed already."""
        with self._mutex:
            if entry not in self._pending:
                return False
            self._pending.remove(entry)
            return True

    def _tired(self) -> EngineUnavailable:
        return EngineUnavailable(
            f"another process has been writing to {self._place.path} for {self.seconds:g} s; "
            "look for a stopped process or a long transaction, then try again"
        )

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        self._door.close()
        if connection is not None:
            connection.close()

    def _call(self) -> None:
        """Hand the lead to the writer's thread; the mutex is held."""
        self._calls.put(None)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._serve, name="dutiful-sqlite-writer", daemon=True
            )
            self._thread.start()

    def _serve(self) -> None:
        """Lead when called; end when nobody called for a while, so that an engine can be freed."""
        while True:
            try:
                self._calls.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._mutex:
                    if self._calls.empty():
                        self._thread = None
                        return
            else:
                self._lead(in_thread=True)

    def _lead(self, *, in_thread: bool) -> bool:
        """Commit for everyone who waits, then let the first of those who came meanwhile lead.

        A caller finds False where another process writes: the writer's thread takes the lead, since
        the wait at the door has no end, and a caller's must have one.
        """
        batch: list[Entry[Any]] = []
        wakes = False
        try:
            with self._turn:
                entered = not self._connected(batch) or self._enter(batch, self._door, "not")
                if entered:
                    wakes = self._commit_all(batch, self._door)
            if not entered and not in_thread:
                self._hand_to_thread()
                return False
            if not entered:
                wakes = self._commit_in_line(batch)
        except BaseException:
            lost = ReplyUnknown("the write was interrupted; it may or may not have happened")
            for entry in batch:
                entry.error = entry.error or lost
            self._hand_over()
            deliver(batch)
            raise
        self._hand_over()
        deliver(batch)
        self._committed(wakes)
        return True

    def _hand_over(self) -> None:
        with self._mutex:
            heir = self._pending[0] if self._pending else None
            self._busy = heir is not None
            if heir is not None and heir.gate is None:
                self._call()
            elif heir is not None and heir.gate is not None:
                heir.leads = True
                heir.gate.release()

    def _hand_to_thread(self) -> None:
        with self._mutex:
            for entry in self._pending:
                entry.leads = False
            self._call()

    def _commit_in_line(self, batch: list[Entry[Any]]) -> bool:
        """Wait for our turn among the processes, then commit.

        The wait is outside of the turn, and so of `freeze`: uvloop forks as it starts a process,
        and the one who writes may be a task of that very loop, which it needs to come to its end.
        """
        try:
            if not self._enter(batch, self._line, "for ever"):
                return False
            with self._turn:
                # The connection may have been closed meanwhile.
                return self._connected(batch) and self._commit_all(batch, self._line)
        finally:
            self._line.close()

    def _connected(self, batch: list[Entry[Any]]) -> bool:
        """Open the connection if it is not; what goes wrong goes to all who wait with us."""
        try:
            if self._connection is None:
                self._connection = self._connect()
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            self._fail(batch, error)
        return not batch

    def _enter(self, batch: list[Entry[Any]], door: Door, wait: Wait) -> bool:
        """Pass the door; what goes wrong goes to all who wait with us, and counts as passed."""
        try:
            return door.enter(wait)
        except Exception as error:  # noqa: BLE001 - whatever it is, the callers must hear of it
            self._fail(batch, error)
            return True

    def _fail(self, batch: list[Entry[Any]], error: Exception) -> None:
        self._take(batch)
        for entry in batch:
            entry.error = error

    def _commit_all(self, batch: list[Entry[Any]], door: Door) -> bool:
        """Commit all that has gathered until it was our turn."""
        connection = self._connection
        try:
            if batch or connection is None:  # they have had their error
                return False
            self._take(batch)
            wakes = self._transact(connection, batch) if batch else False
            self._tend(connection)
            return wakes
        finally:
            door.leave()

    def _tend(self, connection: sqlite3.Connection) -> None:
        """Start the log anew when readers who overlap have kept it from being reused."""
        if self.commits % _TEND_COMMITS or self._place.wal_bytes() <= WAL_BYTES_KEPT:
            return
        try:
            connection.execute(f"PRAGMA busy_timeout = {_TEND_MS}").close()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.Error:
            return  # the next turn tries again
        finally:
            connection.execute(f"PRAGMA busy_timeout = {PATIENCE_SECONDS * 1000:.0f}").close()

    def _take(self, batch: list[Entry[Any]]) -> None:
        with self._mutex:
            batch.extend(self._pending)
            self._pending.clear()

    def _transact(self, connection: sqlite3.Connection, batch: list[Entry[Any]]) -> bool:
        """Run the batch in one transaction; should one fail unforeseen, each in its own."""
        try:
            wakes = False
            with Transaction(connection, self._place) as transaction:
                for entry in batch:
                    wakes |= transaction.apply(entry, alone=len(batch) == 1)
            self.commits += 1
            return wakes
        except Undecoded:
            with lenient(connection):
                return self._transact(connection, batch)
        except (EngineUnavailable, ReplyUnknown) as error:
            for entry in batch:
                entry.error = error
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it
            if len(batch) > 1:
                return any([self._transact(connection, [entry]) for entry in batch])
            batch[0].error = error
        return False
