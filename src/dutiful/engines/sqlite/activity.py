"""Keeping counts by minute and hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.core.alerting.sample import Activity
from dutiful.engines._sql.alert_rows import activity, totals, values
from dutiful.engines._sql.statement import Plan, Statement

from .connections.group_commit import Written
from .session import Session
from .statements import sql

_ADD = sql("activity_add")
_READ = sql("activity_read")
_TOTALS = sql("activity_totals")
_OLD = sql("activity_old")
_DROP = sql("activity_drop")


class SqliteActivity:
    """The role `ActivityStore`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def add(self, rows: Sequence[Activity]) -> None:
        """Add counts."""
        if not rows:
            return

        def plan() -> Written[None]:
            yield Statement(_ADD, [values(row) for row in rows], many=True)
            return None, False

        await self.session.writable().writer.awrite(plan)

    async def read(self, span: int, since: int, limit: int = 10_000) -> tuple[Activity, ...]:
        """Return rows of a span, latest first."""
        statement = Statement(_READ, (span, since, limit))
        return activity(await self.session.ready().readers.aread(lambda: _rows(statement)))

    async def totals(self, span: int, since: int, limit: int = 1_000) -> tuple[Activity, ...]:
        """Add up the rows by task."""
        statement = Statement(_TOTALS, (span, since, limit))
        rows = await self.session.ready().readers.aread(lambda: _rows(statement))
        return totals(rows, span)

    async def forget(self, span: int, before: int, limit: int = 10_000) -> int:
        """Delete old rows; without any, nothing is written."""
        session = self.session.writable()

        def find(most: int) -> Plan[list[Any]]:
            return (yield Statement(_OLD, (span, before, most))).rows

        def plan() -> Written[int]:
            rows = yield from find(limit)
            yield Statement(_DROP, rows, many=True)
            return len(rows), False

        if not await session.readers.aread(lambda: find(1)):
            return 0
        return await session.writer.awrite(plan)


def _rows(statement: Statement) -> Plan[list[Any]]:
    return (yield statement).rows
