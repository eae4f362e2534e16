"""The plan that lists jobs by a filter, newest first."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from dutiful.contract.page import Filter, JobPage, bad_cursor
from dutiful.core.state import State
from dutiful.engines._sql.records import SEQ
from dutiful.engines._sql.statement import Plan, Statement

from .rows import jobs_of
from .statements import sql
from .unreadable import RowRange, unreadable_below

_FIND = sql("find")
_PROBE = sql("probe")

SORTED_MAX = 10_000
"""Up to so many rows of an index are sorted rather than the table walked."""

_SEQ_MAX = 2**63 - 1
_CURSOR = re.compile("-?[0-9]{1,19}")

_IN_LIST = " IN (SELECT value FROM json_each(?))"
"""Of any length, where a statement takes only so many parameters."""
_LAST_ERROR = (
    "EXISTS (SELECT 1 FROM dutiful_failure AS f WHERE f.seq = dutiful_job.seq AND f.type = ? "
    "AND f.fence = (SELECT max(fence) FROM dutiful_failure WHERE seq = dutiful_job.seq))"
)


class StateIndex(NamedTuple):
    """An index that leads to the jobs of a state."""

    name: str
    implied: str
    """What the query must say for SQLite to see that the partial index holds all it wants."""
    ordered: bool = False
    """Whether it yields the newest first without sorting."""


_STATE_INDEXES = {
    State.SCHEDULED: StateIndex("dutiful_job_due", "state IN (0, 3) AND state = 0"),
    State.QUEUED: StateIndex("dutiful_job_ready", "state = 1"),
    State.RUNNING: StateIndex("dutiful_job_running", "state = 2"),
    State.WAITING: StateIndex("dutiful_job_due", "state IN (0, 3) AND state = 3"),
    State.SUCCEEDED: StateIndex("dutiful_job_final", "state >= 4 AND state = 4"),
    State.DEAD: StateIndex("dutiful_job_dead", "state >= 5 AND state = 5", ordered=True),
    State.CANCELLED: StateIndex("dutiful_job_dead", "state >= 5 AND state = 6", ordered=True),
}


def find(which: Filter, limit: int, cursor: str | None) -> Plan[JobPage]:
    """List a page of jobs; the states' own lists are merged."""
    seek = _unreadable if which.unreadable else _by_state
    rows = yield from seek(which, limit + 1, _below(cursor))
    page = rows[:limit]
    more = len(rows) > limit and bool(page)
    return JobPage(tuple(jobs_of(page)), str(page[-1][0]) if more else None)


def _by_state(which: Filter, most: int, below: int) -> Plan[list[Any]]:
    """Find rows by way of their states' indexes, or along the table."""
    conditions, params = _conditions(which)
    rows: list[Any] = []
    for state in which.searched:
        index, implied = "", ""
        if state is not None:
            state_index = _STATE_INDEXES[state]
            few = state_index.ordered or (yield from _few(state_index, which.queues))
            # NOT INDEXED walks the table from its newest row, which soon finds a common state.
            index = f"INDEXED BY {state_index.name}" if few else "NOT INDEXED"
            implied = f"AND {state_index.implied}"
        text = _FIND.replace("{index}", index or "NOT INDEXED")
        text = text.replace("{conditions}", f"{implied} {conditions}")
        rows += (yield Statement(text, (below, *params, most))).rows
    return sorted(rows, key=_seq, reverse=True)[:most]


def _unreadable(which: Filter, most: int, below: int) -> Plan[list[Any]]:
    """Find rows among those that cannot be read, which no index leads to."""
    conditions, params = _conditions(which)
    states = [int(state) for state in which.searched if state is not None]
    if states:
        conditions += f"AND state IN ({', '.join(map(str, states))}) "
    conditions += f"AND {_any('seq')} "
    text = _FIND.replace("{index}", "NOT INDEXED").replace("{conditions}", conditions)
    rows: list[Any] = []
    part = RowRange([], below)
    while part.below is not None and len(rows) < most:
        part = yield from unreadable_below(part.below)
        if part.seqs:
            values = (_SEQ_MAX, *params, json.dumps(part.seqs), most - len(rows))
            rows += (yield Statement(text, values)).rows
    return rows


def _few(state_index: StateIndex, queues: Sequence[str]) -> Plan[bool]:
    """Whether a state has few enough jobs to sort them all."""
    text = _PROBE.replace("{index}", f"INDEXED BY {state_index.name}")
    conditions, params = state_index.implied, list[Any]()
    if queues:
        conditions += f" AND {_any('queue')}"
        params.append(json.dumps(queues))
    text = text.replace("{conditions}", conditions)
    rows = (yield Statement(text, (*params, SORTED_MAX + 1))).rows
    return bool(rows[0][0] <= SORTED_MAX)


def _conditions(which: Filter) -> tuple[str, list[Any]]:
    parts: list[str] = []
    params: list[Any] = []
    for column, values in (("queue", which.queues), ("task", which.tasks)):
        if values:
            parts.append(_any(column))
            params.append(json.dumps(values))
    single = {
        "? IN (SELECT value FROM json_each(iif(json_valid(tags), tags, '[]')))": which.tag,
        "reason = ?": which.reason,
        _LAST_ERROR: which.error_type,
        "worker = ?": which.worker,
        "enqueued_at >= ?": which.enqueued_after,
        "enqueued_at < ?": which.enqueued_before,
        "finished_at >= ?": which.finished_after,
        "finished_at < ?": which.finished_before,
    }
    for part, value in single.items():
        if value is not None:
            parts.append(part)
            params.append(value)
    return "".join(f"AND {part} " for part in parts), params


def _any(column: str) -> str:
    return column + _IN_LIST


def _below(cursor: str | None) -> int:
    if cursor is None:
        return _SEQ_MAX
    if not _CURSOR.fullmatch(cursor) or abs(int(cursor)) > _SEQ_MAX:
        raise bad_cursor(cursor)
    return int(cursor)


def _seq(row: Sequence[int]) -> int:
    return row[SEQ]
