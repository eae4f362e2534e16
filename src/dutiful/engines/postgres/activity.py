"""Keeping counts by minute and hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.core.alerting.sample import Activity
from dutiful.engines._sql.alert_rows import activity, totals, values
from dutiful.engines._sql.statement import Plan, Statement

from .producer import ready
from .session import Session


class PostgresActivity:
    """The role `ActivityStore`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def add(self, rows: Sequence[Activity]) -> None:
        """Add counts."""
        if not rows:
            return
        session = await ready(self.session)
        columns = [list(column) for column in zip(*map(values, rows), strict=True)]

        def plan() -> Plan[None]:
            yield Statement(session.sql("activity_add"), columns)

        await session.async_query_pool.run(plan)

    async def read(self, span: int, since: int, limit: int = 10_000) -> tuple[Activity, ...]:
        """Return rows of a span, latest first."""
        return activity(await self._rows(self.session.sql("activity_read"), (span, since, limit)))

    async def totals(self, span: int, since: int, limit: int = 1_000) -> tuple[Activity, ...]:
        """Add up the rows by task."""
        return totals(
            await self._rows(self.session.sql("activity_totals"), (span, since, limit)), span
        )

    async def forget(self, span: int, before: int, limit: int = 10_000) -> int:
        """Delete old rows."""
        session = await ready(self.session)

        def plan() -> Plan[int]:
            params = (span, before, limit)
            return (yield Statement(session.sql("activity_forget"), params)).count

        return await session.async_query_pool.run(plan)

    async def _rows(self, text: str, params: tuple[int, ...]) -> list[Any]:
        session = await ready(self.session)

        def plan() -> Plan[list[Any]]:
            return (yield Statement(text, params)).rows

        return await session.async_query_pool.once(plan)
