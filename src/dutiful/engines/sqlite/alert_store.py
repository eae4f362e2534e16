"""Keeping alerts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dutiful.contract.roles.alert_store import AlertEntries, AlertEntry, AlertKind, next_version
from dutiful.core.alerting.sample import RunningJob
from dutiful.core.state import State
from dutiful.engines._sql import alert_rows
from dutiful.engines._sql.statement import Plan, Statement

from .connections.group_commit import Written
from .session import Session
from .statements import sql

_TURN_LAST = sql("alert_turn_last")
_TURN = sql("alert_turn")
_ENTRIES = sql("alert_entries")
_VERSION = sql("alert_version")
_PUT = sql("alert_put")
_DROP = sql("alert_drop")
_OLD = sql("alert_old")
_LONGEST = sql("running_longest")
_OLDEST = sql("end_oldest")


class SqliteAlerts:
    """The role `AlertStore`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def turn(self, name: str, every: int) -> int | None:
        """Take a turn, unless one was taken lately; then nothing is written."""
        session = self.session.writable()

        def lately() -> Plan[bool]:
            now = session.clock.now()
            return bool((yield Statement(_TURN_LAST, (name, now - every, now))).rows)

        def plan() -> Written[int | None]:
            if (yield from lately()):
                return None, False
            now = session.clock.now()
            yield Statement(_TURN, (name, now))
            return now, False

        if await session.readers.aread(lately):
            return None
        return await session.writer.awrite(plan)

    async def entries(self, kinds: Sequence[AlertKind], limit: int = 10_000) -> AlertEntries:
        """Return entries, latest first."""
        session = self.session.ready()
        statement = Statement(_ENTRIES, (json.dumps([int(kind) for kind in kinds]), limit))
        rows = await session.readers.aread(lambda: _rows(statement))
        return AlertEntries(session.clock.now(), alert_rows.entries(rows))

    async def write(self, entries: Sequence[AlertEntry], drops: Sequence[AlertEntry] = ()) -> bool:
        """Write all, or nothing."""

        def plan() -> Written[bool]:
            for one in (*entries, *drops):
                rows = (yield Statement(_VERSION, (int(one.kind), one.key))).rows
                if (rows[0][0] if rows else 0) != one.version:
                    return False, False
            puts = [
                (int(one.kind), one.key, next_version(one.version), one.at, one.body)
                for one in entries
            ]
            yield Statement(_PUT, puts, many=True)
            yield Statement(_DROP, [(int(one.kind), one.key) for one in drops], many=True)
            return True, False

        return await self.session.writable().writer.awrite(plan)

    async def forget(self, kind: AlertKind, before: int, limit: int = 1_000) -> int:
        """Delete old entries; without any, nothing is written."""
        session = self.session.writable()

        def find(most: int) -> Plan[list[Any]]:
            return (yield Statement(_OLD, (int(kind), before, most))).rows

        def plan() -> Written[int]:
            rows = yield from find(limit)
            yield Statement(_DROP, rows, many=True)
            return len(rows), False

        if not await session.readers.aread(lambda: find(1)):
            return 0
        return await session.writer.awrite(plan)

    async def longest(self, limit: int) -> tuple[RunningJob, ...]:
        """Return the jobs that have run longest."""
        statement = Statement(_LONGEST, (limit,))
        rows = await self.session.ready().readers.aread(lambda: _rows(statement))
        return alert_rows.running(rows)

    async def oldest_end(self, state: State) -> int | None:
        """Return when the job that ended first ended."""
        statement = Statement(_OLDEST, (int(state),))
        rows = await self.session.ready().readers.aread(lambda: _rows(statement))
        return alert_rows.instant(rows)


def _rows(statement: Statement) -> Plan[list[Any]]:
    return (yield statement).rows
