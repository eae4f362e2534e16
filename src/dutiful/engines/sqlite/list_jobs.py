"""The plan that lists jobs by a filter, newest first."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

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
from dutiful.engines._sql.records import SEQ
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines._sql.unreadable import find_unreadable

from .rows import jobs_of
from .statements import sql
from .unreadable import unreadable_below

_FIND = sql("find")
_PROBE = sql("probe")

_SEQ_MAX = 2**63 - 1
_CURSOR = re.compile("-?[0-9]{1,19}")

_IN_LIST = " IN (SELECT value FROM json_each(?))"
"""A list of any length, since the number of parameters of a statement is limited."""
_LAST_ERROR = (
    "EXISTS (SELECT 1 FROM dutiful_failure AS f WHERE f.seq = dutiful_job.seq AND f.type = ? "
    "AND f.fence = (SELECT max(fence) FROM dutiful_failure WHERE seq = dutiful_job.seq))"
)


_INDEXES = {
    State.SCHEDULED: "dutiful_job_due",
    State.QUEUED: "dutiful_job_ready",
    State.RUNNING: "dutiful_job_running",
    State.WAITING: "dutiful_job_due",
    State.SUCCEEDED: "dutiful_job_final",
    State.DEAD: "dutiful_job_dead",
    State.CANCELLED: "dutiful_job_dead",
}
"""The index that leads to the jobs of a state."""


def list_jobs(which: Filter, limit: int, cursor: str | None) -> Plan[JobPage]:
    """List a page of jobs; the lists of the states are merged."""
    seek = _unreadable if which.unreadable else _by_state
    rows = yield from seek(which, limit + 1, _below(cursor))
    page, more = page_of(rows, limit)
    return JobPage(tuple(jobs_of(page)), str(page[-1][SEQ]) if more else None)


def _by_state(which: Filter, most: int, below: int) -> Plan[list[Any]]:
    """Find rows by the indexes of their states, or by reading the table in order."""
    filtered, params = _conditions(which)
    rows: list[Any] = []
    for state in which.searched:
        index, implied = "", ""
        if state is not None:
            few = state in ORDERED or (yield from _few(state, which.queues))
            # NOT INDEXED reads the table from its newest row, which soon finds a common state.
            index = f"INDEXED BY {_INDEXES[state]}" if few else "NOT INDEXED"
            implied = f"AND {IMPLIED[state]}"
        text = _FIND.replace("{index}", index or "NOT INDEXED")
        text = text.replace("{conditions}", f"{implied} {filtered}")
        rows += (yield Statement(text, (below, *params, most))).rows
    return sorted(rows, key=_seq, reverse=True)[:most]


def _unreadable(which: Filter, most: int, below: int) -> Plan[list[Any]]:
    """Find rows among the unreadable ones, for which there is no index."""
    filtered, params = _conditions(which)
    filtered += f" {any_of(which)} AND {_any('seq')}"
    text = _FIND.replace("{index}", "NOT INDEXED").replace("{conditions}", filtered)

    def fetch(seqs: list[int], limit: int) -> Plan[list[Any]]:
        values = (_SEQ_MAX, *params, json.dumps(seqs), limit)
        return (yield Statement(text, values)).rows

    return (yield from find_unreadable(unreadable_below, fetch, below, most))


def _few(state: State, queues: Sequence[str]) -> Plan[bool]:
    """Whether a state has few enough jobs to sort."""
    text = _PROBE.replace("{index}", f"INDEXED BY {_INDEXES[state]}")
    wanted, params = IMPLIED[state], list[Any]()
    if queues:
        wanted += f" AND {_any('queue')}"
        params.append(json.dumps(queues))
    text = text.replace("{conditions}", wanted)
    rows = (yield Statement(text, (*params, SORTED_MAX + 1))).rows
    return bool(rows[0][0] <= SORTED_MAX)


def _conditions(which: Filter) -> tuple[str, list[Any]]:
    own = {
        _any("queue"): json.dumps(which.queues) if which.queues else None,
        _any("task"): json.dumps(which.tasks) if which.tasks else None,
        "? IN (SELECT value FROM json_each(iif(json_valid(tags), tags, '[]')))": which.tag,
        _LAST_ERROR: which.error_type,
    }
    return conditions(which, own, lambda _: "?")


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
