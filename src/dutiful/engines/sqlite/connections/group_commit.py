"""Writes that share a commit: the write of each caller, and the transaction for all."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from dutiful.core.errors import DutifulError, EngineError, EngineUnavailable, ReplyUnknown
from dutiful.engines._sql.statement import Plan, run

from .connection import Undecoded, executor, is_locked, lenient, translate_error
from .database_file import DatabaseFile

T = TypeVar("T")
Written = Plan[tuple[T, bool]]
"""A plan of writes; it returns its answer, and whether to wake waiting workers."""


def without_wake(plan: Plan[T]) -> Written[T]:
    """Run a plan that makes no work for workers."""
    return (yield from plan), False


class PendingWrite(Generic[T]):
    """One caller's write, and how the caller is woken: by a lock, or by a future on its loop."""

    __slots__ = ("answered", "done", "error", "future", "leads", "loop", "picky", "plan", "value")

    def __init__(
        self, plan: Callable[[], Written[T]], picky: bool, future: asyncio.Future[T] | None
    ) -> None:
        """Prepare a write; a ``picky`` one may fail, which must not undo the others."""
        self.plan = plan
        self.picky = picky
        self.future = future
        self.loop = None if future is None else future.get_loop()
        self.answered: threading.Lock | None = None
        self.value: Any = None
        self.error: Exception | None = None
        self.done = False
        self.leads = False
        if future is None:
            self.answered = threading.Lock()
            self.answered.acquire()

    def answer(self) -> None:
        """Resolve the future, on its loop."""
        if self.future is None or self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.value)
        else:
            self.future.set_exception(self.error)


class SharedTransaction:
    """``BEGIN IMMEDIATE`` to ``COMMIT``."""

    def __init__(self, connection: sqlite3.Connection, database_file: DatabaseFile) -> None:
        """Begin nothing yet."""
        self.connection = connection
        self._database_file = database_file
        self.path = database_file.path
        self.commits = 0
        self._execute = executor(connection, database_file.path)

    def begin(self) -> bool:
        """Begin; False if another connection holds the lock and does not release it soon."""
        try:
            self.connection.execute("BEGIN IMMEDIATE").close()
        except sqlite3.Error as error:
            if is_locked(error):
                return False
            raise translate_error(error, self._database_file.path) from error
        return True

    def commit(self) -> None:
        """Commit, or undo everything when that fails."""
        try:
            self._database_file.commit(self.connection)
            self.commits += 1
        finally:
            self.undo()

    def undo(self) -> None:
        """Roll back what has not been committed."""
        if self.connection.in_transaction:
            self._database_file.run(self.connection, "ROLLBACK")

    def apply(self, entry: PendingWrite[Any], *, alone: bool) -> bool:
        """Run one entry's plan; its error goes only to its own caller."""
        entry.error = None
        if not entry.picky or alone:
            entry.value, wakes = run(entry.plan(), self._execute)
            return wakes
        self._database_file.run(self.connection, "SAVEPOINT dutiful_entry")
        try:
            entry.value, wakes = run(entry.plan(), self._execute)
        except DutifulError as error:
            if isinstance(error, EngineError):
                raise
            entry.error = error
            wakes = False
            self._database_file.run(self.connection, "ROLLBACK TO dutiful_entry")
        self._database_file.run(self.connection, "RELEASE dutiful_entry")
        return wakes


def transact(transaction: SharedTransaction, batch: list[PendingWrite[Any]]) -> bool:
    """Run the batch in one transaction; after an unexpected error, run each entry in its own."""
    try:
        wakes = False
        try:
            for entry in batch:
                wakes |= transaction.apply(entry, alone=len(batch) == 1)
        except BaseException:
            transaction.undo()
            raise
        transaction.commit()
        return wakes
    except Undecoded:
        with lenient(transaction.connection):
            return _again(transaction, batch)
    except (EngineUnavailable, ReplyUnknown) as error:
        for entry in batch:
            entry.error = error
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller must hear of it
        if len(batch) > 1:
            return any([_again(transaction, [entry]) for entry in batch])
        batch[0].error = error
    return False


def _again(transaction: SharedTransaction, batch: list[PendingWrite[Any]]) -> bool:
    try:
        if not transaction.begin():
            raise EngineUnavailable(f"{transaction.path} is locked by another connection")
    except EngineError as error:
        for entry in batch:
            entry.error = error
        return False
    return transact(transaction, batch)


def deliver(batch: list[PendingWrite[Any]]) -> None:
    """Wake the callers: each thread, and each event loop once for all its coroutines."""
    loops: defaultdict[asyncio.AbstractEventLoop, list[PendingWrite[Any]]] = defaultdict(list)
    for entry in batch:
        entry.done = True
        if entry.loop is not None:
            loops[entry.loop].append(entry)
        elif entry.answered is not None and entry.answered.locked():
            entry.answered.release()
    for loop, entries in loops.items():
        try:
            loop.call_soon_threadsafe(_answer, entries)
        except RuntimeError:  # that loop has been closed, and its callers are gone
            continue


def _answer(entries: list[PendingWrite[Any]]) -> None:
    for entry in entries:
        entry.answer()
