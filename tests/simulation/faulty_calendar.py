"""the role `ScheduleStore` as one process sees it: every call may fail as the others may."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from dutiful.contract.roles.schedule_store import Advanced, Declared, Deleted, DueBatch, Overdue
from dutiful.core.advance import Switch
from dutiful.core.occurrence import Advance, Recorded, Standing
from dutiful.core.schedule import Schedule


class FaultyCalendar:
    """Sends what a scheduler asks down the line."""

    _ask: Callable[..., Coroutine[Any, Any, Any]]

    async def declare(
        self, app: str, declaration_version: str, schedules: Sequence[Schedule] | None
    ) -> Declared:
        return await self._ask("declare", app, declaration_version, schedules)

    async def put_schedule(self, schedule: Schedule, *, replace: bool, adopt: bool = False) -> bool:
        return await self._ask("put_schedule", schedule, replace, adopt)

    async def standings(
        self, names: Sequence[str] | None = None, limit: int = 1000, after: str = ""
    ) -> tuple[Standing, ...]:
        return await self._ask("standings", names, limit, after)

    async def due(self, limit: int) -> DueBatch:
        return await self._ask("due", limit)

    async def advance(self, moves: Sequence[Advance]) -> Advanced:
        return await self._ask("advance", moves)

    async def switch(self, names: Sequence[str], how: Switch) -> tuple[str, ...]:
        return await self._ask("switch", names, how)

    async def delete_schedules(self, names: Sequence[str]) -> Deleted:
        return await self._ask("delete_schedules", names)

    async def occurrences(
        self, name: str, limit: int, before: int | None = None
    ) -> tuple[Recorded, ...]:
        return await self._ask("occurrences", name, limit, before)

    async def review(self, limit: int) -> tuple[Overdue, ...]:
        return await self._ask("review", limit)
