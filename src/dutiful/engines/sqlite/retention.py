"""Keeping the store small."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dutiful.engines._sql.statement import Plan, Statement

from .connections.group_commit import Written
from .session import Session
from .statements import sql

_PRUNABLE = sql("prunable")
_DELETE = sql("delete")
_DELETE_FAILURES = sql("delete_failures")
_DELETE_STEPS = sql("delete_steps")
_DELETE_LOG = sql("log_delete")
_FENCE_RAISE = sql("fence_raise")
_TALLY_ADD = sql("tally_add")


class SqliteRetention:
    """The role `Retention`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def prune(self, state: int, older_than: int, limit: int) -> int:
        """Delete some jobs that ended long ago; without any, nothing is written."""
        session = self.session.writable()

        def find(most: int) -> Plan[Sequence[tuple[int]]]:
            before = session.clock.now() - older_than
            return (yield Statement(_PRUNABLE, (int(state), before, most))).rows

        def plan() -> Written[int]:
            rows = yield from find(limit)
            yield from delete(rows, "pruned")
            return len(rows), False

        if not await session.readers.aread(lambda: find(1)):
            return 0
        return await session.writer.awrite(plan)


def delete(rows: Sequence[tuple[int]], total: str) -> Plan[None]:
    """Delete jobs with their errors, steps and lines, and count them."""
    if rows:
        yield Statement(_FENCE_RAISE, (json.dumps([row[0] for row in rows]),))
        for text in (_DELETE, _DELETE_FAILURES, _DELETE_STEPS, _DELETE_LOG):
            yield Statement(text, rows, many=True)
        yield Statement(_TALLY_ADD, (len(rows), total))
