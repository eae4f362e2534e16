"""Why jobs cannot be stored on a connection of the caller, for any engine."""

from __future__ import annotations

ABORTED = (
    "your transaction has failed already, by an earlier error, and accepts no more statements; "
    "roll it back (or to a savepoint) first"
)


def no_transaction(kind: str, advice: str) -> str:
    """Say that each statement on a connection commits by itself, and what to do."""
    return (
        f"{kind} has no transaction open, so there is nothing to join: the job would be committed "
        f"immediately, whatever becomes of your rows; {advice}, or leave out connection="
    )
