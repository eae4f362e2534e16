"""Keeping schedules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from dutiful.contract.roles.schedule_store import Advanced, Declared, Deleted, DueBatch
from dutiful.core.advance import Switch
from dutiful.core.occurrence import Advance, Due, Recorded, Standing
from dutiful.core.overdue import BEGINNING, Overdue, Position
from dutiful.core.schedule import Schedule
from dutiful.engines._sql import records
from dutiful.engines._sql.declaring import create, declare, delete, jobs_by_schedule, switch
from dutiful.engines._sql.schedule_statements import ScheduleStatements
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.producer import ready
from dutiful.engines.postgres.session import Session
from dutiful.engines.postgres.statements import Texts

from .advancing import advance
from .reviewing import look, review
from .schedule_statements import guarded

T = TypeVar("T")


class PostgresSchedules:
    """The role `ScheduleStore`; frequent calls of schedulers use the pinned connections."""

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

        def plan(sql: Texts, _: int | None) -> Plan[tuple[Standing, ...]]:
            page = Statement(sql("schedules"), (after, limit))
            if names is not None:
                page = Statement(sql("schedules_named"), (list(names),))
            return tuple(records.standings((yield page).rows))

        return await self._read_schedules(plan)

    async def due(self, limit: int) -> DueBatch:
        """Return the schedules to advance."""

        def plan(sql: Texts, now: int | None) -> Plan[DueBatch]:
            rows = (yield Statement(sql("schedules_due"), (limit, now))).rows
            found = records.standings([row[2:] for row in rows if row[2] is not None])
            live = yield from _live(sql, [one.name for one in found if one.exclusive])
            due = tuple([Due(one, tuple(live.get(one.name, ()))) for one in found])
            return DueBatch(rows[0][0], due, rows[0][1])

        return await self._read_schedules(plan)

    async def advance(self, moves: Sequence[Advance]) -> Advanced:
        """Write moves, all in one transaction."""
        return await self._write_schedules(partial(advance, moves=moves)) if moves else Advanced()

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

        def plan(sql: Texts, _: int | None) -> Plan[tuple[Recorded, ...]]:
            rows = (yield Statement(sql("occurrences"), (name, before, limit))).rows
            return tuple(map(records.recorded, rows))

        return await self._read_schedules(plan)

    async def review(self, limit: int) -> tuple[Overdue, ...]:
        """Close occurrences whose jobs have ended; writes nothing if there is nothing to record."""
        part, eventful = await self._read_schedules(partial(look, after=self._reviewed))
        if not eventful:
            self._reviewed = part.onward((), limit)
            return ()
        reported, self._reviewed = await self._write_schedules(
            partial(review, part=part, limit=limit)
        )
        return reported

    async def _change(self, plan: Callable[[ScheduleStatements, int], Plan[T]]) -> T:
        return await self._write_schedules(partial(guarded, plan=plan))

    async def _read_schedules(self, plan: Callable[[Texts, int | None], Plan[T]]) -> T:
        session = await ready(self.session)
        return await session.async_query_pool.once(lambda: plan(session.sql, session.now))

    async def _write_schedules(self, plan: Callable[[Texts, int | None], Plan[T]]) -> T:
        session = await ready(self.session)
        return await session.async_query_pool.run(lambda: plan(session.sql, session.now))


def _live(sql: Texts, names: Sequence[str]) -> Plan[dict[str, list[str]]]:
    """Find the jobs of schedules that have not ended, oldest first."""
    if not names:
        return {}
    return jobs_by_schedule((yield Statement(sql("live"), (list(names),))).rows)
