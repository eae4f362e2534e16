"""How long a write waits for the lock, and with which error it ends then."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from time import monotonic
from typing import Any

from dutiful.core.errors import DutifulError, EngineUnavailable, UsageError

from .connection import PATIENCE_SECONDS, explain, is_locked
from .lock_holder import lock_holder, waits_for_itself
from .place import Place

_FIRST_LOOK, _LOOKS_APART = 0.05, 4.0
_TRY_MS = 100


class Patience:
    """One wait for the lock; it ends early when the thread would wait for itself."""

    def __init__(self, place: Place, seconds: float = PATIENCE_SECONDS) -> None:
        """Begin to wait."""
        self._place = place
        self._seconds = seconds
        self._since = monotonic()
        self._slice = _FIRST_LOOK
        self._look_at = self._since + self._slice

    def next(self) -> float:
        """Return after how many seconds to call `judge`."""
        return max(min(self._look_at, self._since + self._seconds) - monotonic(), 0)

    def judge(self) -> DutifulError | None:
        """Return the error with which the wait ends, None while it goes on; call it in that thread.

        Searching for transactions of our own is expensive, so it is done less often each time.
        """
        now = monotonic()
        if now >= self._look_at:
            self._slice *= _LOOKS_APART
            self._look_at = now + self._slice
            if waits_for_itself(self._place.file):
                return self._own()
        return self._tired() if now - self._since >= self._seconds else None

    def watch(
        self, future: asyncio.Future[Any], give_up: Callable[[DutifulError], None]
    ) -> asyncio.TimerHandle:
        """Limit the wait of a coroutine, whose loop goes on and may end what holds the lock."""
        loop = future.get_loop()
        return loop.call_later(self._seconds, lambda: give_up(self._tired()))

    def _own(self) -> UsageError:
        return UsageError(
            f"this thread has a transaction of its own open on {self._place.path}, so it would "
            "wait for itself; enqueue on that connection, task.using(connection=...).enqueue(...), "
            "or after the transaction"
        )

    def _tired(self) -> EngineUnavailable:
        holder = lock_holder(self._place.file)
        path, seconds = self._place.path, f"{monotonic() - self._since:.1f} s"
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


def run_patiently(
    place: Place, connection: sqlite3.Connection, command: str, seconds: float = PATIENCE_SECONDS
) -> None:
    """Run a command that takes the write lock."""
    patience = Patience(place, seconds)
    connection.execute(f"PRAGMA busy_timeout = {_TRY_MS}").close()
    try:
        while True:
            try:
                connection.execute(command).close()
                return
            except sqlite3.Error as error:
                if not is_locked(error):
                    raise explain(error, place.path) from error
                if (verdict := patience.judge()) is not None:
                    raise verdict from error
    finally:
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE_SECONDS * 1000:.0f}").close()
