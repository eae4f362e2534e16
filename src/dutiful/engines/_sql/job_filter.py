"""Listing jobs by a filter, newest first: what does not depend on the engine's SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dutiful.contract.page import Filter
from dutiful.core.state import State

SORTED_MAX = 10_000
"""Up to this many jobs of a state are sorted; with more, the table is read from its newest row."""

IMPLIED = {
    State.SCHEDULED: "state IN (0, 3) AND state = 0",
    State.QUEUED: "state = 1",
    State.RUNNING: "state = 2",
    State.WAITING: "state IN (0, 3) AND state = 3",
    State.SUCCEEDED: "state >= 4 AND state = 4",
    State.DEAD: "state >= 5 AND state = 5",
    State.CANCELLED: "state >= 5 AND state = 6",
}
"""The conditions by which the planner sees that a partial index holds all jobs of a state."""

ORDERED = (State.DEAD, State.CANCELLED)
"""States whose index yields the newest first."""


def conditions(
    which: Filter, own: Mapping[str, Any], mark: Callable[[int], str]
) -> tuple[str, list[Any]]:
    """Return a filter as SQL with its parameters; a value of None sets no condition.

    ``own`` has the conditions that each engine writes differently, each with one ``?``. ``mark``
    returns the placeholder of a parameter by its position, from 0.
    """
    single = {
        **own,
        "reason = ?": which.reason,
        "worker = ?": which.worker,
        "enqueued_at >= ?": which.enqueued_after,
        "enqueued_at < ?": which.enqueued_before,
        "finished_at >= ?": which.finished_after,
        "finished_at < ?": which.finished_before,
    }
    parts: list[str] = []
    params: list[Any] = []
    for part, value in single.items():
        if value is not None:
            parts.append("AND " + part.replace("?", mark(len(params))))
            params.append(value)
    return " ".join(parts), params


def any_of(which: Filter) -> str:
    """Write a condition for the states of a filter; empty for all states."""
    states = [str(int(state)) for state in which.searched if state is not None]
    return f"AND state IN ({', '.join(states)})" if states else ""


def page_of(rows: list[Any], limit: int) -> tuple[list[Any], bool]:
    """Return the rows of a page, and whether there are more: one more row was requested."""
    return rows[:limit], len(rows) > limit and limit > 0
