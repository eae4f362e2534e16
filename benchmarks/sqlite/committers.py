"""Ways of committing for many callers at once, measured by group_commit.py."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from typing import Any

from common import insert_sql

INSERT = insert_sql("none")


class Entry:
    """One caller's row, and what wakes the caller: a held lock (sync) or a future (async)."""

    __slots__ = ("done", "event", "future", "row")

    def __init__(self, row: Any, future: Any = None) -> None:
        self.row, self.future, self.done = row, future, False
        self.event = threading.Lock()
        self.event.acquire()


def commit(conn: sqlite3.Connection, batch: list[Entry]) -> None:
    """One durable transaction for all of the batch."""
    if len(batch) == 1:
        conn.execute(INSERT, batch[0].row)
        return
    conn.execute("BEGIN IMMEDIATE")
    conn.executemany(INSERT, [entry.row for entry in batch])
    conn.execute("COMMIT")


class NaiveLeader:
    """Leader/follower by one lock: each follower must take it to learn that its row is durable."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn, self.lock, self.pending = conn, threading.Lock(), list[Entry]()

    def submit(self, row: Any) -> None:
        """Return when the row is durable."""
        entry = Entry(row)
        self.pending.append(entry)
        with self.lock:
            if not entry.done:
                batch, self.pending = self.pending, []
                commit(self.conn, batch)
                for each in batch:
                    each.done = True


class Leader:
    """Leader/follower by hand-over: the leader wakes each of its batch, then the first waiting row's caller leads."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn, self.mutex, self.pending, self.busy = (
            conn,
            threading.Lock(),
            list[Entry](),
            False,
        )

    def submit(self, row: Any) -> None:
        """Return when the row is durable."""
        entry = Entry(row)
        with self.mutex:
            self.pending.append(entry)
            follows, self.busy = self.busy, True
        if follows:
            entry.event.acquire()
            if entry.done:
                return
        with self.mutex:
            batch, self.pending = self.pending, []
        commit(self.conn, batch)
        for each in batch:
            each.done = True
            if each is not entry:
                each.event.release()
        with self.mutex:
            heir = self.pending[0] if self.pending else None
            self.busy = heir is not None
        if heir:
            heir.event.release()


class WriterThread:
    """A dedicated thread takes all that waits, commits, and wakes the callers (async ones by one call a commit)."""

    def __init__(
        self, conn: sqlite3.Connection, loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.conn, self.loop, self.inbox = conn, loop, queue.SimpleQueue[Entry | None]()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        """Until told to stop by None."""
        while (entry := self.inbox.get()) is not None:
            batch = [entry]
            while not self.inbox.empty() and len(batch) < 1000:
                more = self.inbox.get()
                if more is None:
                    return
                batch.append(more)
            commit(self.conn, batch)
            if self.loop:
                self.loop.call_soon_threadsafe(resolve, batch)
            else:
                for each in batch:
                    each.event.release()

    def submit(self, row: Any) -> None:
        """Return when the row is durable."""
        entry = Entry(row)
        self.inbox.put(entry)
        entry.event.acquire()

    async def asubmit(self, row: Any) -> None:
        """The same, awaited."""
        future = asyncio.get_running_loop().create_future()
        self.inbox.put(Entry(row, future=future))
        await future


def resolve(batch: list[Entry]) -> None:
    """Wake every async caller of a committed batch."""
    for entry in batch:
        if not entry.future.done():
            entry.future.set_result(None)


class LoopLeader:
    """Pending rows live on the loop; while any wait, one executor call at a time commits them all."""

    def __init__(self, conn: sqlite3.Connection, inline: bool = False) -> None:
        self.conn, self.inline, self.pending, self.busy = conn, inline, list[Entry](), False

    async def asubmit(self, row: Any) -> None:
        """Return when the row is durable."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self.pending.append(Entry(row, future=future))
        if not self.busy:
            self.busy = True
            loop.call_soon(self.flush, loop)
        await future

    def flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what gathered: in the executor, or (inline) on the loop, which stands still meanwhile."""
        batch, self.pending = self.pending, []
        if self.inline:
            commit(self.conn, batch)
            self.busy = False
            resolve(batch)
        else:
            loop.run_in_executor(None, commit, self.conn, batch).add_done_callback(
                lambda _: self.landed(loop, batch)
            )

    def landed(self, loop: asyncio.AbstractEventLoop, batch: list[Entry]) -> None:
        """Wake the callers, and start over if more came."""
        resolve(batch)
        self.busy = bool(self.pending)
        if self.pending:
            self.flush(loop)
