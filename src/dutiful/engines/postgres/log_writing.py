"""The plans that store what attempts logged together with their ends, and read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.core.settle import Settlement
from dutiful.core.task_log import LogLine, joined, read_log
from dutiful.engines._sql.statement import Plan, Statement

from .connections.arrays import Bytes, Integers, Longs, TextArray
from .statements import Texts


def logs_of(sql: Texts, ids: Sequence[str]) -> Plan[dict[str, tuple[LogLine, ...]]]:
    """Read the lines of those jobs that have some."""
    rows = (yield Statement(sql("log_lines"), (TextArray(list(ids)),))).rows
    return {job_id: read_log(body) for job_id, body in rows}


def keep_logs(sql: Texts, items: Sequence[Settlement]) -> Plan[None]:
    """Store the lines of attempts that end, before their settlements and under the same guard."""
    lines = {item.claim.job.id: item.claim.log for item in items}
    guards = (
        TextArray([item.claim.job.id for item in items]),
        Integers([item.claim.job.fence for item in items]),
    )
    rows = (yield Statement(sql("log_held"), guards)).rows
    new = [(seq, job_id, joined(old, lines[job_id])) for seq, job_id, old in rows]
    yield from put_logs(sql, new)


def put_logs(sql: Texts, rows: Sequence[tuple[Any, ...]]) -> Plan[None]:
    """Store numbers and ids of jobs, each with the whole of its lines as they are stored."""
    if rows:
        seqs, ids, bodies = (list(column) for column in zip(*rows, strict=True))
        yield Statement(sql("log_put"), (Longs(seqs), TextArray(ids), Bytes(bodies)))
