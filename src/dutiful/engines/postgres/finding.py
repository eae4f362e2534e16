"""The plan that lists jobs by a filter, newest first.

The order is that of the ids, which begin with the time: no index is kept for another one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from dutiful.contract.page import Filter, JobPage, bad_cursor
from dutiful.core.state import State
from dutiful.engines._sql.records import ID
from dutiful.engines._sql.statement import Plan, Statement

from .rows import job_of
from .statements import Texts, bare
from .unreadable import unreadable_below

SORTED_MAX = 10_000
"""Up to so many jobs of a state are sorted rather than the table walked from its newest row."""

_ROADS = {
    State.SCHEDULED: "state IN (0, 3) AND state = 0",
    State.QUEUED: "state = 1",
    State.RUNNING: "state = 2",
    State.WAITING: "state IN (0, 3) AND state = 3",
    State.SUCCEEDED: "state >= 4 AND state = 4",
    State.DEAD: "state >= 5 AND state = 5",
    State.CANCELLED: "state >= 5 AND state = 6",
}
"""What the query must say for the planner to see that a partial index holds all it wants."""

_ORDERED = (State.DEAD, State.CANCELLED)
"""States whose index yields the newest first."""

_LAST_ERROR = (
    "EXISTS (SELECT FROM {schema}.failure AS f "
    "WHERE f.seq = job.seq AND f.job_id IN (job.id, '') AND f.type = ? "
    "AND f.fence = (SELECT max(g.fence) FROM {schema}.failure AS g "
    "WHERE g.seq = job.seq AND g.job_id IN (job.id, '')))"
)


def find(sql: Texts, which: Filter, limit: int, cursor: str | None) -> Plan[JobPage]:
    """List a page of jobs; the states' own lists are merged."""
    if cursor is not None and (not cursor or "\0" in cursor):
        raise bad_cursor(cursor)
    seek = _unreadable if which.unreadable else _by_state
    rows = yield from seek(sql, which, limit + 1, cursor)
    page = rows[:limit]
    more = len(rows) > limit and bool(page)
    return JobPage(tuple(job_of(row) for row in page), page[-1][1] if more else None)


def _by_state(sql: Texts, which: Filter, most: int, below: str | None) -> Plan[list[Any]]:
    """Find rows by way of their states' indexes, or along the table."""
    rows: list[Any] = []
    for state in which.searched:
        few = state is not None and (yield from _few(sql, state, which.queues))
        conditions, params = _conditions(which, below, 2)
        if state is not None:
            # A sum hides the state from the planner, which then walks from the newest row.
            index = _ROADS[state] if few else f"state + 0 = {int(state)}"
            conditions = f"AND {index} {conditions}"
        # Ordering by an expression keeps it from a walk along the table where a few can be sorted.
        sorts = few and state not in _ORDERED
        order = "id || ''" if sorts else "id"
        text = sql.fill(bare("find"), conditions=conditions, order=order)
        rows += (yield Statement(text, (most, *params))).rows
    return sorted(rows, key=_id, reverse=True)[:most]


def _unreadable(sql: Texts, which: Filter, most: int, below: str | None) -> Plan[list[Any]]:
    """Find rows among those that cannot be read, which no index leads to."""
    states = [str(int(state)) for state in which.searched if state is not None]
    rows: list[Any] = []
    while len(rows) < most:
        part = yield from unreadable_below(sql, below)
        if part.ids:
            conditions, params = _conditions(which, None, 2, part.ids)
            if states:
                conditions += f" AND state IN ({', '.join(states)})"
            text = sql.fill(bare("find"), conditions=conditions, order="id")
            rows += (yield Statement(text, (most - len(rows), *params))).rows
        below = part.below
        if below is None:
            break
    return rows


def _few(sql: Texts, state: State, queues: Sequence[str]) -> Plan[bool]:
    """Whether a state has few enough jobs to sort them all, or an index in the wanted order."""
    if state in _ORDERED:
        return True
    conditions, params = _ROADS[state], list[Any]()
    if queues:
        conditions += " AND queue = ANY ($2::text[])"
        params.append(list(queues))
    text = sql.fill(bare("probe"), conditions=conditions)
    rows = (yield Statement(text, (SORTED_MAX + 1, *params))).rows
    return bool(rows[0][0] <= SORTED_MAX)


def _conditions(
    which: Filter, below: str | None, first: int, among: list[str] | None = None
) -> tuple[str, list[Any]]:
    """Write a filter with its parameters numbered from ``first``."""
    single: dict[str, Any] = {
        "id < ?": below,
        "id = ANY (?::text[])": among,
        "queue = ANY (?::text[])": list(which.queues) or None,
        "task = ANY (?::text[])": list(which.tasks) or None,
        "tags ~ ?": None if which.tag is None else _tagged(which.tag),
        "reason = ?": which.reason,
        _LAST_ERROR: which.error_type,
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
            parts.append("AND " + part.replace("?", f"${first + len(params)}"))
            params.append(value)
    return " ".join(parts), params


def _tagged(tag: str) -> str:
    """Write a pattern for an array of JSON that holds a tag.

    A cast to jsonb would fail the whole list for one row that is not JSON or holds a NUL.
    """
    return rf"(^\s*\[|,)\s*{re.escape(msgspec.json.encode(tag).decode())}\s*(,|\]\s*$)"


def _id(row: Sequence[str]) -> str:
    return row[ID]
