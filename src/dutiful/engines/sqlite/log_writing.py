"""The plan that stores what attempts logged together with their ends."""

from __future__ import annotations

from collections.abc import Iterable

from dutiful.core.settle import Settlement
from dutiful.core.task_log import joined
from dutiful.engines._sql.statement import Plan, Statement

from .statements import sql

_HELD = sql("log_held")
_PUT = sql("log_put")


def keep_logs(items: Iterable[Settlement]) -> Plan[None]:
    """Store the lines of attempts that end, before their settlements and under the same guard."""
    for item in items:
        claim = item.claim
        rows = (yield Statement(_HELD, (claim.handle, claim.job.fence, claim.job.id))).rows
        if rows:
            body = joined(rows[0][0], claim.log)
            yield Statement(_PUT, (claim.handle, claim.job.id, body))
