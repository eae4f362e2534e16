"""Conflicts of transactions: how often to repeat one, and which session holds the lock."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.statements import Texts

from .errors import Locked

_TRIES = 10
_FIRST, _MOST = 0.005, 0.2


def repeats() -> Iterator[float]:
    """Yield the pauses between repetitions after a conflict: 1.5 s in all.

    They are random, so that the two processes do not conflict again.
    """
    pause = _FIRST
    for _ in range(_TRIES):
        yield pause * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        pause = min(pause * 2, _MOST)


def holders(sql: Texts) -> Plan[str]:
    """Name the sessions that hold locks on the tables, the longest first."""
    rows = (yield Statement(sql("blockers"), (sql.channel, sql.quoted))).rows
    return named(rows)


def named(rows: Sequence[tuple[str, str, str, int]]) -> str:
    """Write rows of the statement ``blockers`` as text; empty if there are none."""
    return " and ".join(
        f"{who} ({what}), which has held {locked} for {seconds:,} s"
        for who, what, locked, seconds in rows
    )


def locked_by(error: Locked, found: str) -> Locked:
    """Return the error with the sessions that hold the locks, and what to do."""
    who = found or "a session that is gone now"
    return Locked(
        f"{error}; locks are held by {who}; let it finish, or end it with pg_terminate_backend()"
    )
