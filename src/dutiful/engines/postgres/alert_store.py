"""Keeping alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.contract.roles.alert_store import AlertEntries, AlertEntry, AlertKind, next_version
from dutiful.core.alerting.sample import RunningJob
from dutiful.core.state import State
from dutiful.engines._sql import alert_rows
from dutiful.engines._sql.statement import Plan, Statement

from .producer import ready
from .session import Session


class _Refused(Exception):
    """Ends a transaction in which a row has another version."""


class PostgresAlerts:
    """The role `AlertStore`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def turn(self, name: str, every: int) -> int | None:
        """Take a turn, unless one was taken lately; then nothing is written."""
        session = await ready(self.session)
        params = (name, every, session.now)

        def take() -> Plan[int | None]:
            rows = (yield Statement(session.sql("alert_turn"), params)).rows
            return rows[0][0] if rows else None

        return await session.async_query_pool.once(take, writes=True)

    async def entries(self, kinds: Sequence[AlertKind], limit: int = 10_000) -> AlertEntries:
        """Return entries, latest first."""
        params = ([int(kind) for kind in kinds], limit, self.session.now)
        *rows, clock = await self._rows(self.session.sql("alert_entries"), params)
        return AlertEntries(clock[3], alert_rows.entries(rows))

    async def write(self, entries: Sequence[AlertEntry], drops: Sequence[AlertEntry] = ()) -> bool:
        """Write all, or nothing."""
        session = await ready(self.session)
        try:
            await session.async_query_pool.run(lambda: _write(session, entries, drops))
        except _Refused:
            return False
        return True

    async def forget(self, kind: AlertKind, before: int, limit: int = 1_000) -> int:
        """Delete old entries."""
        session = await ready(self.session)

        def plan() -> Plan[int]:
            params = (int(kind), before, limit)
            return (yield Statement(session.sql("alert_forget"), params)).count

        return await session.async_query_pool.run(plan)

    async def longest(self, limit: int) -> tuple[RunningJob, ...]:
        """Return the jobs that have run longest."""
        return alert_rows.running(await self._rows(self.session.sql("running_longest"), (limit,)))

    async def oldest_end(self, state: State) -> int | None:
        """Return when the job that ended first ended."""
        return alert_rows.instant(await self._rows(self.session.sql("end_oldest"), (int(state),)))

    async def _rows(self, text: str, params: Sequence[Any]) -> list[Any]:
        session = await ready(self.session)

        def plan() -> Plan[list[Any]]:
            return (yield Statement(text, params)).rows

        return await session.async_query_pool.once(plan)


def _write(
    session: Session, entries: Sequence[AlertEntry], drops: Sequence[AlertEntry]
) -> Plan[None]:
    wanted = [(int(one.kind), one.key) for one in (*entries, *drops)]
    locking = Statement(session.sql("alert_lock"), _columns(wanted, 2))
    known = {(kind, key): version for kind, key, version in (yield locking).rows}
    if any(known.get((int(one.kind), one.key), 0) != one.version for one in (*entries, *drops)):
        raise _Refused
    if entries:
        rows = [
            (int(one.kind), one.key, next_version(one.version), one.at, one.body) for one in entries
        ]
        params = [*_columns(rows, 5), *_columns(list(known), 2)]
        if (yield Statement(session.sql("alert_put"), params)).count != len(entries):
            raise _Refused
    if drops:
        keys = [(int(one.kind), one.key) for one in drops]
        yield Statement(session.sql("alert_drop"), _columns(keys, 2))


def _columns(rows: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    return [[row[place] for row in rows] for place in range(width)]
