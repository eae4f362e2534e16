"""Keeping schedules."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from dutiful.contract.roles.schedule_store import Advanced, Declared, Deleted, DueBatch
from dutiful.core.advance import Switch
from dutiful.core.occurrence import Advance, Due, Recorded, Standing
from dutiful.core.overdue import BEGINNING, Overdue, Position, ReviewRange
from dutiful.core.schedule import Schedule
from dutiful.engines._sql import records
from dutiful.engines._sql.declaring import create, declare, delete, jobs_by_schedule, named, switch
from dutiful.engines._sql.schedule_statements import ScheduleStatements
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.sqlite.connections.group_commit import Written, without_wake
from dutiful.engines.sqlite.producer import picky
from dutiful.engines.sqlite.session import Session
from dutiful.engines.sqlite.statements import sql

from .advancing import advance
from .reviewing import look, next_range, review
from .schedule_statements import STATEMENTS

T = TypeVar("T")

_SCHEDULES_DUE = sql("schedules_due")
_SCHEDULES_HELD = sql("schedules_held")
_SCHEDULE_NEXT = sql("schedule_next")
_LIVE = sql("live")
_OCCURRENCES = sql("occurrences")
_EVER = (1 << 63) - 1


class SqliteSchedules:
    """The role `ScheduleStore`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session
        self._reviewed: Position = BEGINNING
        """Where the last review ended."""

    async def declare(
        self, app: str, declaration_version: str, schedules: Sequence[Schedule] | None
    ) -> Declared:
        """Write an app's declared schedules, if this declaration version rules."""
        return await self._change(
            lambda sql, now: declare(sql, app, declaration_version, schedules, now)
        )

    async def put_schedule(self, schedule: Schedule, *, replace: bool, adopt: bool = False) -> bool:
        """Create a schedule, or give an existing one another spec."""
        return await self._change(
            lambda sql, now: create(sql, schedule, now, replace=replace, adopt=adopt)
        )

    async def standings(
        self, names: Sequence[str] | None = None, limit: int = 1000, after: str = ""
    ) -> tuple[Standing, ...]:
        """Return schedules by name."""

        def plan() -> Plan[tuple[Standing, ...]]:
            if names is not None:
                return tuple((yield from named(STATEMENTS, names)).values())
            rows = (yield STATEMENTS.page(after, limit)).rows
            return tuple(records.standings(rows))

        return await self.session.ready().readers.aread(plan)

    async def due(self, limit: int) -> DueBatch:
        """Return the schedules to advance."""
        session = self.session.ready()

        def plan() -> Plan[DueBatch]:
            now = session.clock.now()
            rows = (yield Statement(_SCHEDULES_DUE, (now, limit))).rows
            rows += (yield Statement(_SCHEDULES_HELD, (now, now, now, limit - len(rows)))).rows
            upcoming = (yield Statement(_SCHEDULE_NEXT, (now,))).rows
            found = records.standings(rows)
            live = yield from _live([one.name for one in found if one.exclusive])
            due = tuple([Due(one, tuple(live.get(one.name, ()))) for one in found])
            known = bool(upcoming) and type(upcoming[0][0]) is int
            return DueBatch(now, due, upcoming[0][0] - now if known else None)

        return await session.readers.aread(plan)

    async def advance(self, moves: Sequence[Advance]) -> Advanced:
        """Write moves, all in one transaction."""
        jobs = [one.job for move in moves for one in move.occurrences if one.job is not None]
        return await self._write_schedules(lambda now: advance(moves, now), picky=picky(jobs))

    async def switch(self, names: Sequence[str], how: Switch) -> tuple[str, ...]:
        """Pause or resume schedules."""
        return await self._change(lambda sql, now: switch(sql, names, how, now))

    async def delete_schedules(self, names: Sequence[str]) -> Deleted:
        """Delete schedules, and return the occurrences that are not made."""
        return await self._change(lambda sql, now: delete(sql, names, now))

    async def occurrences(
        self, name: str, limit: int, before: int | None = None
    ) -> tuple[Recorded, ...]:
        """Return a schedule's recorded occurrences."""

        def plan() -> Plan[tuple[Recorded, ...]]:
            params = (name, _EVER if before is None else before, limit)
            return tuple(map(records.recorded, (yield Statement(_OCCURRENCES, params)).rows))

        return await self.session.ready().readers.aread(plan)

    async def review(self, limit: int) -> tuple[Overdue, ...]:
        """Close occurrences whose jobs have ended; writes nothing if there is nothing to record."""
        session = self.session.ready()

        def plan() -> Plan[tuple[ReviewRange, bool]]:
            part = yield from next_range(self._reviewed)
            return part, bool((yield from look(part, session.clock.now(), 1)))

        part, eventful = await session.readers.aread(plan)
        if not eventful:
            self._reviewed = part.onward((), limit)
            return ()
        reported, self._reviewed = await self._write_schedules(lambda now: review(part, limit, now))
        return reported

    async def _change(self, plan: Callable[[ScheduleStatements, int], Plan[T]]) -> T:
        return await self._write_schedules(lambda now: without_wake(plan(STATEMENTS, now)))

    async def _write_schedules(
        self, plan: Callable[[int], Written[T]], *, picky: bool = False
    ) -> T:
        session = self.session.writable()
        return await session.writer.awrite(lambda: plan(session.clock.now()), picky=picky)


def _live(names: Sequence[str]) -> Plan[dict[str, list[str]]]:
    """Find the jobs of schedules that have not ended, oldest first."""
    if not names:
        return {}
    return jobs_by_schedule((yield Statement(_LIVE, (json.dumps(names),))).rows)
