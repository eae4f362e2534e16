"""The plan that lists jobs by a filter, newest first.

The order is that of the ids, which begin with the time: there is no index for another order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from dutiful.contract.page import Filter, JobPage, bad_cursor
from dutiful.core.state import State
from dutiful.engines._sql.job_filter import (
    IMPLIED,
    ORDERED,
    SORTED_MAX,
    any_of,
    conditions,
    page_of,
)
from dutiful.engines._sql.records import ID
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines._sql.unreadable import find_unreadable

from .rows import job_of
from .statements import Texts, bare
from .unreadable import unreadable_below

_LAST_ERROR = (
    "EXISTS (SELECT FROM {schema}.failure AS f "
    "WHERE f.seq = job.seq AND f.job_id IN (job.id, '') AND f.type = ? "
    "AND f.fence = (SELECT max(g.fence) FROM {schema}.failure AS g "
    "WHERE g.seq = job.seq AND g.job_id IN (job.id, '')))"
)


def list_jobs(sql: Texts, which: Filter, limit: int, cursor: str | None) -> Plan[JobPage]:
    """List a page of jobs; the lists of the states are merged."""
    if cursor is not None and (not cursor or "\0" in cursor):
        raise bad_cursor(cursor)
    seek = _unreadable if which.unreadable else _by_state
    rows = yield from seek(sql, which, limit + 1, cursor)
    page, more = page_of(rows, limit)
    return JobPage(tuple(job_of(row) for row in page), page[-1][ID] if more else None)


def _by_state(sql: Texts, which: Filter, most: int, below: str | None) -> Plan[list[Any]]:
    """Find rows by the indexes of their states, or by reading the table in order."""
    rows: list[Any] = []
    for state in which.searched:
        few = state is not None and (yield from _few(sql, state, which.queues))
        wanted, params = _conditions(which, below)
        if state is not None:
            # A sum hides the state from the planner, which then reads from the newest row.
            index = IMPLIED[state] if few else f"state + 0 = {int(state)}"
            wanted = f"AND {index} {wanted}"
        # Ordering by an expression prevents a read of the table when a few rows can be sorted.
        sorts = few and state not in ORDERED
        order = "id || ''" if sorts else "id"
        text = sql.fill(bare("find"), conditions=wanted, order=order)
        rows += (yield Statement(text, (most, *params))).rows
    return sorted(rows, key=_id, reverse=True)[:most]


def _unreadable(sql: Texts, which: Filter, most: int, below: str | None) -> Plan[list[Any]]:
    """Find rows among the unreadable ones, for which there is no index."""

    def fetch(ids: list[str], limit: int) -> Plan[list[Any]]:
        wanted, params = _conditions(which, None, ids)
        text = sql.fill(bare("find"), conditions=f"{wanted} {any_of(which)}", order="id")
        return (yield Statement(text, (limit, *params))).rows

    return (yield from find_unreadable(partial(unreadable_below, sql), fetch, below, most))


def _few(sql: Texts, state: State, queues: Sequence[str]) -> Plan[bool]:
    """Whether a state has few enough jobs to sort, or an index in the wanted order."""
    if state in ORDERED:
        return True
    wanted, params = IMPLIED[state], list[Any]()
    if queues:
        wanted += " AND queue = ANY ($2::text[])"
        params.append(list(queues))
    text = sql.fill(bare("probe"), conditions=wanted)
    rows = (yield Statement(text, (SORTED_MAX + 1, *params))).rows
    return bool(rows[0][0] <= SORTED_MAX)


def _conditions(
    which: Filter, below: str | None, among: list[str] | None = None
) -> tuple[str, list[Any]]:
    """Write a filter; the first parameter of the statement is the limit."""
    own = {
        "id < ?": below,
        "id = ANY (?::text[])": among,
        "queue = ANY (?::text[])": list(which.queues) or None,
        "task = ANY (?::text[])": list(which.tasks) or None,
        "tags ~ ?": None if which.tag is None else _tagged(which.tag),
        _LAST_ERROR: which.error_type,
    }
    return conditions(which, own, lambda place: f"${place + 2}")


def _tagged(tag: str) -> str:
    """Write a pattern for an array of JSON that holds a tag.

    With a cast to jsonb, one row that is not JSON or holds a NUL would fail the whole list.
    """
    return rf"(^\s*\[|,)\s*{re.escape(msgspec.json.encode(tag).decode())}\s*(,|\]\s*$)"


def _id(row: Sequence[str]) -> str:
    return row[ID]
