"""``app.schedules``: the schedules that an app declares, and those of its store."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar, Unpack

from dutiful.contract.facade import Store
from dutiful.core.advance import Switch
from dutiful.core.errors import BadOption, BadSchedule, UnknownSchedule
from dutiful.core.event import OccurrenceMissed
from dutiful.core.instant import instant
from dutiful.core.occurrence import Recorded, Standing
from dutiful.core.retirement import WHY_DELETED
from dutiful.core.rule import Rule
from dutiful.core.schedule import Schedule, planned_after, written
from dutiful.core.text import shown, whole

from .backfill import Backfill, Progress, fill_in
from .by_hand import run_now
from .declaration import Declaration
from .host import Host
from .rules import Scheduling, schedule_of
from .task import BoundTask, Task

AnyTask = TypeVar("AnyTask", bound=Task[..., Any, Any])

_PAGE = 1000
HISTORY_MAX = 10_000


class Schedules:
    """Declares schedules, and looks at and changes those of the store.

    Every method has an async version, whose name begins with ``a``.
    """

    def __init__(self, app: Host) -> None:
        """Start with none."""
        self._app = app
        self.declared: dict[str, Schedule] = {}
        self._tasks: dict[str, Task[..., Any, Any]] = {}

    def declare(self, rule: Rule, given: Scheduling) -> Callable[[AnyTask], AnyTask]:
        """Return a decorator that declares a schedule of a task and leaves the task as it is."""

        def decorate(task: AnyTask) -> AnyTask:
            schedule = schedule_of(task, rule, given, self._app.name)
            other, earlier = self.declared.get(schedule.name), self._tasks.get(schedule.name)
            # A module that is loaded again replaces its schedules.
            reloaded = earlier is not None and earlier is not task and earlier.name == task.name
            if other is not None and not reloaded and written(other) != written(schedule):
                raise BadOption(
                    f"two schedules are called {schedule.name!r}; give each a name: "
                    f'@app.cron(..., name="{schedule.name}-2")'
                )
            self.declared[schedule.name], self._tasks[schedule.name] = schedule, task
            return task

        return decorate

    def declaration(self) -> Declaration:
        """Return what a worker writes to the store."""
        schedules = tuple(self.declared[name] for name in sorted(self.declared))
        text = b"\n".join(written(schedule) for schedule in schedules)
        edition = hashlib.sha256(text).hexdigest()[:16]
        return Declaration(self._app.name, edition, schedules)

    async def acreate(
        self,
        task: BoundTask[..., Any],
        rule: Rule,
        *,
        replace: bool = False,
        **given: Unpack[Scheduling],
    ) -> Schedule:
        """Create a schedule in the store; it stays until it is deleted.

        Raises BadOption when the name is taken, unless ``replace`` is set, and ScheduleTaken when
        an app declares a schedule of that name.
        """
        schedule = schedule_of(task, rule, given)
        if schedule.name in self.declared:
            raise BadOption(f"schedule {schedule.name!r} is declared in code; give another name")
        store = await self._store()
        if planned_after(schedule, (await store.scheduling.due(0)).now) is None:
            raise BadSchedule(f"schedule {schedule.name!r} would never fire from now on")
        if not await store.scheduling.put_schedule(schedule, replace=replace):
            raise BadOption(
                f"there is a schedule {schedule.name!r}; give another name, or replace=True"
            )
        return schedule

    async def aget(self, name: str) -> Standing:
        """Return where a schedule stands; raises UnknownSchedule."""
        store = await self._store()
        for standing in await store.scheduling.standings([whole(name, "schedule name")]):
            return standing
        raise UnknownSchedule(name, await self._near(name))

    async def alist(self) -> tuple[Standing, ...]:
        """Return all schedules by name, those that are paused or retired too."""
        store, found = await self._store(), list[Standing]()
        while page := await store.scheduling.standings(
            None, _PAGE, found[-1].name if found else ""
        ):
            found += page
        return tuple(found)

    async def ahistory(
        self, name: str, limit: int = 20, before: datetime | None = None
    ) -> tuple[Recorded, ...]:
        """Return what became of a schedule's occurrences, the latest first."""
        if type(limit) is not int or not 0 < limit <= HISTORY_MAX:
            raise BadOption(f"limit={shown(limit)}; use 1 to {HISTORY_MAX:,}")
        standing, store = await self.aget(name), await self._store()
        at = None if before is None else instant(before)
        return await store.scheduling.occurrences(standing.name, limit, at)

    async def apause(self, *names: str) -> tuple[str, ...]:
        """Stop making occurrences; return the names of those that were not paused."""
        return await self._switch(names, "pause")

    async def aresume(self, *names: str) -> tuple[str, ...]:
        """Go on; occurrences that were due meanwhile follow the misfire rule."""
        return await self._switch(names, "resume")

    async def adelete(self, *names: str) -> tuple[str, ...]:
        """Delete schedules and their history; jobs stay. Declared ones return at a worker's start.

        Occurrences that were held or due are not made, and reported as `OccurrenceMissed`. A
        schedule that is created again under the name is another one, with jobs of its own.
        """
        store, known = await self._known(names)
        gone = await store.scheduling.delete_schedules(known)
        for one in gone.missed:
            store.emit(OccurrenceMissed(one.schedule, one.planned, one.count, WHY_DELETED))
        return gone.names

    async def aadopt(self, *names: str) -> tuple[str, ...]:
        """Make this app the owner of schedules that it declares, whichever app has them now.

        For an app that was renamed, and for schedules that move from one app to another, or from
        run time into code. They become as declared here; history and position are kept.
        """
        for name in names:
            if name not in self.declared:
                near = " or ".join(difflib.get_close_matches(name, self.declared, n=2))
                hint = f"; did you mean {near}?" if near else ""
                raise BadOption(f"app {self._app.name!r} declares no schedule {name!r}{hint}")
        store, known = await self._known(names)
        for name in known:
            await store.scheduling.put_schedule(self.declared[name], replace=True, adopt=True)
        return known

    async def arun(self, name: str) -> str:
        """Enqueue an occurrence now, whatever the rule says, and return the job's id.

        Where its unique key is taken, the id is that of the job that holds it, or DuplicateJob is
        raised, as for any enqueue. UsageError when an ``on_enqueue`` hook refuses the job.
        """
        store, hooks = await self._store(), self._app.hooks
        return (await run_now(store, await self.aget(name), hooks.abefore)).job_id

    async def abackfill(
        self, name: str, backfill: Backfill, progress: Progress | None = None
    ) -> int:
        """Enqueue the occurrences of a past time range that have no record yet.

        Returns how many jobs were new. Running it again adds only what is missing. UsageError for
        instants that may have run, as their records are forgotten, and at the end for those that
        ``on_enqueue`` hooks refused.
        """
        if type(backfill) is not Backfill:
            raise BadOption(
                f"{shown(backfill)} is not a backfill; write Backfill(start=..., end=...)"
            )
        store, standing = await self._store(), await self.aget(name)
        filled = await fill_in(store, standing, backfill, progress, self._app.hooks.abefore)
        return filled.made

    def create(
        self,
        task: BoundTask[..., Any],
        rule: Rule,
        *,
        replace: bool = False,
        **given: Unpack[Scheduling],
    ) -> Schedule:
        """Do what `acreate` does, from sync code."""
        return self._app.portal.run(self.acreate(task, rule, replace=replace, **given))

    def get(self, name: str) -> Standing:
        """Do what `aget` does, from sync code."""
        return self._app.portal.run(self.aget(name))

    def list(self) -> tuple[Standing, ...]:
        """Do what `alist` does, from sync code."""
        return self._app.portal.run(self.alist())

    def history(
        self, name: str, limit: int = 20, before: datetime | None = None
    ) -> tuple[Recorded, ...]:
        """Do what `ahistory` does, from sync code."""
        return self._app.portal.run(self.ahistory(name, limit, before))

    def pause(self, *names: str) -> tuple[str, ...]:
        """Do what `apause` does, from sync code."""
        return self._app.portal.run(self.apause(*names))

    def resume(self, *names: str) -> tuple[str, ...]:
        """Do what `aresume` does, from sync code."""
        return self._app.portal.run(self.aresume(*names))

    def delete(self, *names: str) -> tuple[str, ...]:
        """Do what `adelete` does, from sync code."""
        return self._app.portal.run(self.adelete(*names))

    def adopt(self, *names: str) -> tuple[str, ...]:
        """Do what `aadopt` does, from sync code."""
        return self._app.portal.run(self.aadopt(*names))

    def run(self, name: str) -> str:
        """Do what `arun` does, from sync code."""
        return self._app.portal.run(self.arun(name))

    def backfill(self, name: str, backfill: Backfill, progress: Progress | None = None) -> int:
        """Do what `abackfill` does, from sync code."""
        return self._app.portal.run(self.abackfill(name, backfill, progress))

    async def _switch(self, names: Sequence[str], how: Switch) -> tuple[str, ...]:
        store, known = await self._known(names)
        return await store.scheduling.switch(known, how)

    async def _known(self, given: Sequence[str]) -> tuple[Store, tuple[str, ...]]:
        """Return the store, if it has all of these schedules, and their names."""
        names = tuple([whole(name, "schedule name") for name in given])
        store = await self._store()
        known = {standing.name for standing in await store.scheduling.standings(names)}
        for name in names:
            if name not in known:
                raise UnknownSchedule(name, await self._near(name))
        return store, names

    async def _near(self, name: str) -> str:
        names = [standing.name for standing in await self.alist()]
        return " or ".join(difflib.get_close_matches(name, names, n=2))

    async def _store(self) -> Store:
        return await self._app.ready()
