"""How a worker brings its app's declared schedules into the store."""

from __future__ import annotations

import asyncio

from dutiful.contract.facade import Store
from dutiful.contract.roles.schedule_store import Declared
from dutiful.core.errors import ScheduleTaken
from dutiful.core.event import OccurrenceMissed, SchedulesDeclared
from dutiful.core.ownership import refuse_taken
from dutiful.core.retirement import WHY
from dutiful.core.schedule import Schedule

SHOW_SECONDS = 20.0
"""How often a declaration version is shown; it counts as gone after a minute."""


class AppDeclaration:
    """One app's declaration version, as one worker shows it."""

    def __init__(self, app: str, declaration_version: str, schedules: tuple[Schedule, ...]) -> None:
        """Show nothing yet."""
        self._app = app
        self._declaration_version = declaration_version
        self._schedules = schedules
        self._show_at = 0.0
        self._brought = False

    def check(self, store: Store) -> None:
        """Raise Unsupported when schedules are declared and the engine keeps none."""
        if self._schedules:
            _ = store.schedules

    async def refuse_taken(self, store: Store) -> None:
        """Raise ScheduleTaken when another owner holds the name of a schedule; writes nothing."""
        if self._schedules:
            names = [one.name for one in self._schedules]
            found = await store.schedules.standings(names)
            refuse_taken({one.name: one for one in found}, self._schedules)

    async def bring(self, store: Store) -> None:
        """Show the version now and then; declare it at first, and when it has come to rule."""
        now = asyncio.get_running_loop().time()
        if now < self._show_at:
            return
        try:
            await self.declare(store)
        except ScheduleTaken:
            # Reported, and tried again later; schedules of other apps must go on.
            self._show_at = now + SHOW_SECONDS
            raise
        self._show_at = now + SHOW_SECONDS

    async def declare(self, store: Store) -> SchedulesDeclared:
        """Declare the version in the store, and return what that changed, which is also emitted."""
        answer = await self._declared(store)
        self._brought = True
        changed = tuple(name for name in answer.changed if name not in answer.added)
        said = SchedulesDeclared(self._app, answer.added, changed, answer.retired)
        if answer.changed or answer.retired:
            store.emit(said)
        for one in answer.missed:
            store.emit(OccurrenceMissed(one.schedule, one.planned, one.count, WHY))
        return said

    async def _declared(self, store: Store) -> Declared:
        scheduling = store.schedules
        answer = await scheduling.declare(
            self._app, self._declaration_version, None if self._brought else self._schedules
        )
        if answer.rules and not answer.applied:
            answer = await scheduling.declare(self._app, self._declaration_version, self._schedules)
        return answer
