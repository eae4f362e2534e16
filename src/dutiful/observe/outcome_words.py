"""How the end of an attempt is called in metrics and traces."""

from __future__ import annotations

from dutiful.core.state import State

_PARKED = ("unknown-task", "bad-payload")
_WORDS = {
    State.SUCCEEDED: "succeeded",
    State.DEAD: "dead",
    State.CANCELLED: "cancelled",
    State.WAITING: "snoozed",
    State.SCHEDULED: "retried",
    State.QUEUED: "released",
}


def outcome_word(state: State, reason: str | None, *, rescue: bool) -> str:
    """Return the word for a settlement with this state and reason.

    >>> outcome_word(State.QUEUED, None, rescue=True)
    'rescued'
    """
    if state is State.SCHEDULED and reason in _PARKED:
        return "parked"
    if state is State.QUEUED and rescue:
        return "rescued"
    return _WORDS[state]
