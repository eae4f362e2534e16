"""Watches for the end of prepared transactions (two-phase commit): they cannot notify workers.

PostgreSQL refuses to prepare a transaction that has used NOTIFY, so another process announces the
jobs after the commit. One process watches for all, and only if the server allows prepared
transactions. Twenty times a second it asks how many transactions there have been, and which
prepared ones are pending.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

import psycopg

from dutiful.engines.postgres.statements import Texts, trusted

from .connection import Connection

_STEP_SECONDS = 0.05
_RIVAL_SECONDS = 2.0
"""Seconds between attempts to take the lock of the watching process."""
_NEVER = float("inf")
_ECHOES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds after which to announce once a transaction was counted: it may commit before it is seen
as pending, and on a slow disk it may become pending later."""


class PreparedWatch:
    """The watch of one listening connection."""

    def __init__(self, connection: Connection, sql: Texts) -> None:
        """Ask the server once whether it allows prepared transactions."""
        self._connection = connection
        self._sql = sql
        self._ours = False
        self._count: int | None = -1
        self._waiting: set[str] = set()
        self._echoes: list[float] = []
        (allowed,) = self._row(sql("prepared_allowed"))
        self._next = monotonic() if allowed else _NEVER

    def look(self) -> float:
        """Look if a look is due, and return the seconds until the next one.

        Ended transactions are announced, because they may have stored jobs.
        """
        now = monotonic()
        if now >= self._next:
            try:
                pause = self._look(now)
            except psycopg.Error:
                if self._connection.closed:
                    raise
                pause = _RIVAL_SECONDS  # renewals, which share the connection, come first
            self._next = now + pause
        return max(self._next - now, 0.0)

    def _look(self, now: float) -> float:
        if not self._ours:
            (self._ours,) = self._row(self._sql("prepared_lock"), self._sql.schema)
            if not self._ours:
                return _RIVAL_SECONDS
        pending = bool(self._waiting or self._echoes)
        count, waiting = self._row(self._sql("prepared_watch"), self._count, pending)
        if count != self._count:
            self._echoes = [now + after for after in _ECHOES]
        ended = self._waiting.difference(waiting)
        self._count, self._waiting = count, set(waiting)
        due = [at for at in self._echoes if at <= now]
        self._echoes = self._echoes[len(due) :]
        if due or ended:
            self._row(self._sql("announce"))
        return _STEP_SECONDS

    def _row(self, text: str, *params: object) -> Any:
        return self._connection.execute(trusted(text), params).fetchone()
