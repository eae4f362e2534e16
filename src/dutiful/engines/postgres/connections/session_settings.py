"""The server's settings that our own sessions need, whatever a database or a role presets."""

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
"""Keep the planner to the indexes that statements were written for: with old statistics it would
read the whole table, or hash all of it to join a few rows. It would also plan a claim again each
time, because its limit is a parameter."""

PINS = "; ".join(f"SET {name} = {value}" for name, value in PLANNER.items()).encode()
"""The same as statements, to look at plans by hand."""

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
"""The server ends a session of ours that is frozen within a transaction: it holds locks."""
_EARLIER = 0.9
"""The server ends a statement a little before we stop waiting for the server."""


def settings(patience: float, lock_seconds: float, pinned: bool) -> dict[str, str]:
    """Return settings by name, spans in milliseconds.

    ``patience`` is for how long a statement is waited for, ``lock_seconds`` for how long it may
    wait for a lock; ``pinned`` keeps the planner to what the statements were written for.
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
    """Return how a transaction begins behind a pooler, where settings end with it."""
    local = [
        f"SET LOCAL {name} = '{value}'"
        for name, value in named.items()
        if name not in (*_SESSION, "search_path") and not name.startswith("default_transaction")
    ]
    return "; ".join(("BEGIN ISOLATION LEVEL READ COMMITTED", SEARCH_PATH, *local))
