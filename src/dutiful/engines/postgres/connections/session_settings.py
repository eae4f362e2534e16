"""The server settings of our own sessions, which replace the defaults of a database or a role."""

from __future__ import annotations

from collections.abc import Mapping

PLANNER = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_indexscan": "on",
    "enable_nestloop": "on",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""Make the planner use the indexes that the statements were written for. With old statistics it
would read the whole table, or hash all of it to join a few rows. It would also plan each claim
again, because the limit is a parameter."""

PINS = "; ".join(f"SET {name} = {value}" for name, value in PLANNER.items()).encode()
"""The same as statements, for looking at query plans by hand."""

ALWAYS = {
    "default_transaction_isolation": "read committed",
    "default_transaction_deferrable": "off",
    "standard_conforming_strings": "on",
    "row_security": "on",
    "search_path": "pg_catalog, pg_temp",
}
SEARCH_PATH = "SET LOCAL search_path = pg_catalog, pg_temp"
"""Schemas in which other roles cannot create objects; ours are always named with their schema."""
_SESSION = {"idle_session_timeout": "0", "transaction_timeout": "0", "synchronous_commit": "on"}
_IDLE_MILLISECONDS = 30_000
"""Milliseconds after which the server ends a session of ours that is idle in a transaction, since
it holds locks."""
_EARLIER = 0.9
"""The server ends a statement after this fraction of the time that we wait for it."""


def settings(patience: float, lock_seconds: float, pinned: bool) -> dict[str, str]:
    """Return settings by name, durations in milliseconds.

    We wait ``patience`` seconds for a statement, which may wait ``lock_seconds`` for a lock. With
    ``pinned`` the planner uses the indexes that the statements were written for.
    """
    return {
        **ALWAYS,
        **_SESSION,
        "statement_timeout": str(int(patience * _EARLIER * 1000)),
        "lock_timeout": str(int(lock_seconds * 1000)),
        "idle_in_transaction_session_timeout": str(_IDLE_MILLISECONDS),
        **(PLANNER if pinned else {}),
    }


def begin(named: Mapping[str, str]) -> str:
    """Return the statements that begin a transaction behind a pooler, where it ends settings."""
    local = [
        f"SET LOCAL {name} = '{value}'"
        for name, value in named.items()
        if name not in (*_SESSION, "search_path") and not name.startswith("default_transaction")
    ]
    return "; ".join(("BEGIN ISOLATION LEVEL READ COMMITTED", SEARCH_PATH, *local))
