"""The connection of a task's transaction: the job ends it, even if the task keeps references.

SQLite keeps a closed connection alive, with its locks, until the last of its statements is freed.
So the connection knows its cursors and closes them first. A cursor must not be closed while
another thread uses it, so each counts as in use from the begin of a call to its end.
"""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from time import sleep
from types import TracebackType
from typing import Any, Literal, NoReturn

from dutiful.core.errors import UsageError

from .connection import StoreConnection
from .task_cursor import CLOSED, ENDED, TaskCursor, taken_back

_HEARD_SECONDS = 0.05
"""Seconds that the end waits for a statement of another thread before it interrupts it."""
_TRIES, _TRY_SECONDS = 100, 0.01


class TaskConnection(StoreConnection):
    """A connection on which the task cannot end the transaction: the job does."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Open the connection."""
        self._change = threading.Condition()
        self.inside: list[int] = []
        """The ids of the cursors in use; a cursor may be in use more than once."""
        self._opened: weakref.WeakSet[Any] = weakref.WeakSet()
        self.over = False
        """Whether the task may do nothing more."""
        self._closes = False
        super().__init__(*args, **options)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse to set an attribute whose setting would commit."""
        if name in {"isolation_level", "autocommit"}:
            raise UsageError(ENDED)
        super().__setattr__(name, value)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> Literal[False]:
        """Leave a ``with`` block without committing."""
        return False

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor of a class that knows this connection."""
        return self._kept(super().cursor(TaskCursor if factory is None else taken_back(factory)))

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement that leaves the transaction open."""
        cursor: TaskCursor = self.cursor()
        return cursor.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        """Run a statement for each of many rows."""
        cursor: TaskCursor = self.cursor()
        return cursor.executemany(sql, parameters)

    def blobopen(self, *args: Any, **options: Any) -> sqlite3.Blob:
        """Open a blob, which the end closes."""
        blob: sqlite3.Blob = self._kept(super().blobopen(*args, **options))
        return blob

    def commit(self) -> NoReturn:
        """Refuse: the job's settlement has to be part of it."""
        raise UsageError(ENDED)

    def rollback(self) -> NoReturn:
        """Refuse: raise an error in the task instead."""
        raise UsageError(ENDED)

    def close(self) -> NoReturn:
        """Refuse: the job still needs it."""
        raise UsageError(ENDED)

    def executescript(self, sql_script: str, /) -> NoReturn:
        """Refuse: it would first commit."""
        raise UsageError(ENDED)

    def backup(self, *args: Any, **options: Any) -> NoReturn:
        """Refuse: it would wait for the end of this transaction."""
        raise UsageError(
            "backup() would wait for this transaction to end, and so for itself; "
            "make the copy on a connection of your own, after ctx.transaction()"
        )

    def _kept(self, one: Any) -> Any:
        """Remember an object that the end has to close."""
        with self._change:
            if self.over:
                one.close()
                raise sqlite3.ProgrammingError(CLOSED)
            self._opened.add(one)
        return one

    def left(self) -> None:
        """Note that a thread has left a cursor; after the end the last one closes the rest."""
        with self._change:
            self._change.notify_all()
            last = self._closes and not self.inside
            self._closes = self._closes and not last
        if last:
            self._close()

    def seal(self) -> None:
        """Refuse further calls of the task, and undo its settings; UsageError during a statement.

        After this only the engine uses the connection, by `plain` cursors.
        """
        with self._change:
            self.over = True
            if not self._change.wait_for(lambda: not self.inside, _HEARD_SECONDS):
                raise UsageError(
                    "another thread still uses the connection of ctx.transaction(); "
                    "wait for it before the task returns"
                )
        self._free()
        self.set_progress_handler(None, 0)
        self.set_authorizer(None)
        self.text_factory = str

    def plain(self) -> sqlite3.Cursor:
        """Return a cursor for the engine's own statements."""
        return super().cursor(sqlite3.Cursor)

    def finish(self) -> None:
        """Roll back, release the lock and close, even if the task keeps references."""
        with self._change:
            self.over = True
        for _ in range(_TRIES):
            self._free()
            with suppress(sqlite3.Error), self._interrupting():
                self._roll_back()
                break
            sleep(_TRY_SECONDS)
        with self._change:
            self._closes = bool(self.inside)  # then the last thread that leaves closes it
        if not self._closes:
            self._close()

    def _roll_back(self) -> None:
        own = self.plain()
        if self.inside:  # it could go on after the end, with each statement committed by itself
            own.execute("PRAGMA query_only = 1")
        if self.in_transaction:
            own.execute("ROLLBACK")

    @contextmanager
    def _interrupting(self) -> Generator[None, None, None]:
        """Interrupt a statement of another thread if it makes us wait, and no other statement.

        While any statement is half-read, an interruption affects all others, also the rollback.
        """
        done = threading.Event()

        def interrupt() -> None:
            while not done.wait(_HEARD_SECONDS):
                with suppress(sqlite3.Error):
                    self.interrupt()

        helper = threading.Thread(target=interrupt, name="dutiful-interrupt", daemon=True)
        if self.inside:
            try:
                helper.start()
            except RuntimeError:  # no more threads
                self.interrupt()
        try:
            yield
        finally:
            done.set()
            if helper.ident is not None:
                helper.join()

    def _free(self) -> None:
        """Close all cursors and blobs except those in use."""
        with self._change:
            opened = list(self._opened)
        for one in opened:
            if id(one) not in self.inside:
                with suppress(sqlite3.Error):
                    if isinstance(one, sqlite3.Blob):
                        one.close()
                    else:
                        sqlite3.Cursor.close(one)

    def _close(self) -> None:
        self._free()
        super().close()
