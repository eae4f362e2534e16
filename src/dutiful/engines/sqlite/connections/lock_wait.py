"""How long a write waits for the lock, and the error with which the wait ends."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any

from dutiful.contract.blocked import who_waits
from dutiful.core.errors import DutifulError, EngineUnavailable, UsageError

from .connection import LOCK_WAIT_SECONDS, Runs, is_locked, translate_error
from .database_file import DatabaseFile
from .lock_holder import lock_holder, waits_for_itself

_FIRST_LOOK, _LOOKS_APART = 0.05, 4.0
_TRY_MS = 100
_ANSWERS_APART = 0.1
"""Seconds between checks whether the thread that is blocked by the wait has an answer."""


class _Asked:
    """Asks the thread that is blocked by a wait whether it holds the lock itself."""

    def __init__(self, lock_wait: LockWait, tell: Callable[[DutifulError], None]) -> None:
        self.over = False
        self._lock_wait = lock_wait
        self._tell = tell

    def next(self) -> float:
        return self._lock_wait.next()

    def look(self) -> None:
        if not self.over and (error := self._lock_wait.judge()) is not None:
            self.over = True
            self._tell(error)


class LockWait:
    """One wait for the lock; it ends early if the waiting thread holds the lock itself."""

    def __init__(self, database_file: DatabaseFile, seconds: float = LOCK_WAIT_SECONDS) -> None:
        """Start the time limit of the wait."""
        self._database_file = database_file
        self._seconds = seconds
        self._since = monotonic()
        self._slice = _FIRST_LOOK
        self._look_at = self._since + self._slice
        self._asked: _Asked | None = None
        self._verdict: DutifulError | None = None

    def next(self) -> float:
        """Return the seconds until the next call to `judge`."""
        wait = max(min(self._look_at, self._since + self._seconds) - monotonic(), 0)
        return wait if self._asked is None else min(wait, _ANSWERS_APART)

    def ask(self, tell: Callable[[DutifulError], None] | None = None) -> None:
        """Have the thread that is blocked by this wait check as well: it may hold the lock.

        Without ``tell``, `judge` returns its answer. Call `end` when the wait is over.
        """
        if (blocked := who_waits()) is not None:
            self._asked = _Asked(LockWait(self._database_file, self._seconds), tell or self._heard)
            blocked.ask(self._asked)

    def end(self) -> None:
        """Withdraw the question."""
        if self._asked is not None:
            self._asked.over = True

    def _heard(self, error: DutifulError) -> None:
        self._verdict = error

    def judge(self) -> DutifulError | None:
        """Return the error that ends the wait, or None; call it in the thread that waits.

        The search for open transactions of this thread is expensive, so it is done less often each
        time.
        """
        if self._verdict is not None:
            return self._verdict
        now = monotonic()
        if now >= self._look_at:
            self._slice *= _LOOKS_APART
            self._look_at = now + self._slice
            if waits_for_itself(self._database_file.file):
                return self._own()
        return self._timed_out() if now - self._since >= self._seconds else None

    def limit(
        self, future: asyncio.Future[Any], give_up: Callable[[DutifulError], None]
    ) -> asyncio.TimerHandle:
        """Limit the wait of a coroutine: its loop runs on, and may end the lock's transaction."""
        loop = future.get_loop()
        if who_waits() is not None:
            future.add_done_callback(lambda _: self.end())
            self.ask(lambda error: _soon(loop, give_up, error))
        return loop.call_later(self._seconds, lambda: give_up(self._timed_out()))

    def _own(self) -> UsageError:
        return UsageError(
            f"this thread has a transaction of its own open on {self._database_file.path}, "
            "so it would wait for itself; enqueue on that connection, "
            "task.using(connection=...).enqueue(...), and do all else after the transaction"
        )

    def _timed_out(self) -> EngineUnavailable:
        holder = lock_holder(self._database_file.file)
        path, seconds = self._database_file.path, f"{monotonic() - self._since:.1f} s"
        if holder == os.getpid():
            return EngineUnavailable(
                f"a connection of this process has held the write lock of {path} for "
                f"{seconds}; look for a transaction that stays open, end it, or enqueue on its "
                "connection: task.using(connection=...).enqueue(...)"
            )
        who = "another process" if holder is None else f"another process (pid {holder})"
        return EngineUnavailable(
            f"{who} has been writing to {path} for {seconds}; "
            "look for a stopped process or a long transaction, then try again"
        )


def _soon(
    loop: asyncio.AbstractEventLoop, give_up: Callable[[DutifulError], None], error: DutifulError
) -> None:
    with suppress(RuntimeError):  # the loop was closed meanwhile
        loop.call_soon_threadsafe(give_up, error)


def run_with_lock_wait(
    database_file: DatabaseFile, connection: Runs, command: str, seconds: float = LOCK_WAIT_SECONDS
) -> None:
    """Run a command that takes the write lock."""
    lock_wait = LockWait(database_file, seconds)
    lock_wait.ask()
    connection.execute(f"PRAGMA busy_timeout = {_TRY_MS}").fetchall()
    try:
        while True:
            try:
                connection.execute(command).fetchall()
                return
            except sqlite3.Error as error:
                if not is_locked(error):
                    raise translate_error(error, database_file.path) from error
                if (verdict := lock_wait.judge()) is not None:
                    raise verdict from error
    finally:
        lock_wait.end()
        connection.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000:.0f}").fetchall()
