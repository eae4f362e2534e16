"""``app.schedules``: the schedules that an app declares, and those of its store."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, Unpack

import msgspec

from dutiful.client.backfill import Backfill, BackfillResult, Progress, fill_in, instants
from dutiful.client.by_hand import run_now
from dutiful.client.handle import Handle
from dutiful.client.options import checked_flag
from dutiful.client.schedule_options import ScheduleOptions, schedule_of
from dutiful.client.task import BoundTask
from dutiful.contract.facade import Store
from dutiful.core.advance import Switch
from dutiful.core.errors import BadOption, BadSchedule, UnknownSchedule
from dutiful.core.event import OccurrenceMissed, SchedulesDeclared
from dutiful.core.retirement import WHY_DELETED
from dutiful.core.rule import Rule
from dutiful.core.schedule import Schedule, planned_after, read
from dutiful.core.text import shown, whole

from .schedule_views import ScheduleViews


class Schedules(ScheduleViews):
    """Declares schedules, and looks at and changes those of the store.

    Every method has an async version, whose name begins with ``a``.
    """

    async def acreate(
        self,
        task: BoundTask[..., Any],
        rule: Rule,
        *,
        replace: bool = False,
        **given: Unpack[ScheduleOptions],
    ) -> Schedule:
        """Create a schedule in the store and return its definition; it stays until it is deleted.

        Raises BadOption when the name is taken, unless ``replace`` is set, and ScheduleTaken when
        an app declares a schedule of that name.
        """
        replaces, schedule = checked_flag(replace, "replace"), schedule_of(task, rule, given)
        if schedule.name in self.declared:
            raise BadOption(f"schedule {schedule.name!r} is declared in code; give another name")
        store = await self._store(create=True)
        if planned_after(schedule, (await store.schedules.due(0)).now) is None:
            raise BadSchedule(f"schedule {schedule.name!r} would never fire from now on")
        if not await store.schedules.put_schedule(schedule, replace=replaces):
            raise BadOption(
                f"there is a schedule {schedule.name!r}; give another name, or replace=True"
            )
        return schedule

    async def adeclare(self) -> SchedulesDeclared:
        """Bring the store in line with what this app declares, as a worker's start does.

        Returns what was added, changed and retired: nothing where a newer version of the code
        rules.
        """
        return await self.declaration().declare(await self._store(create=True))

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
        gone = await store.schedules.delete_schedules(known)
        for one in gone.missed:
            store.emit(OccurrenceMissed(one.schedule, one.planned, one.count, WHY_DELETED))
        return gone.names

    async def aadopt(self, *names: str) -> tuple[str, ...]:
        """Make this app the owner of schedules that it declares, even if another owns them now.

        For an app that was renamed, and for schedules that move from one app to another, or from
        run time into code. They become as declared here; history and position are kept.
        """
        for name in [whole(name, "schedule name") for name in names]:
            if name not in self.declared:
                near = " or ".join(difflib.get_close_matches(name, self.declared, n=2))
                hint = f"; did you mean {near}?" if near else ""
                raise BadOption(f"app {self._host.name!r} declares no schedule {shown(name)}{hint}")
        store, known = await self._known(names)
        for name in known:
            await store.schedules.put_schedule(self.declared[name], replace=True, adopt=True)
        return known

    async def arun(self, name: str) -> Handle[Any]:
        """Enqueue an occurrence now, independently of the rule, and return its job.

        Where its unique key is taken, ``created`` is False and the job is the one that holds it, or
        DuplicateJob is raised, as for any enqueue. UsageError when an ``on_enqueue`` hook refuses
        the job.
        """
        store, standing = await self._store(), await self._standing(name)
        ran = await run_now(store, standing, self._host.hooks.prepare)
        task = self._host.tasks.get(read(standing.spec).task)
        by = msgspec.json.Decoder() if task is None else task.signature.result_decoder
        return Handle(self._host, ran.job_id, ran.created, by)

    async def abackfill(
        self,
        name: str,
        backfill: Backfill,
        progress: Progress | None = None,
        *,
        dry_run: bool = False,
    ) -> BackfillResult:
        """Enqueue the occurrences of a past time range that have no record yet.

        Running it again adds only what is missing. UsageError for instants that may have run, as
        their records are forgotten, and at the end for those that ``on_enqueue`` hooks refused.
        ``dry_run`` counts the planned instants and enqueues nothing.
        """
        if type(backfill) is not Backfill:
            raise BadOption(
                f"{shown(backfill)} is not a backfill; write Backfill.between(start, end)"
            )
        only_count = checked_flag(dry_run, "dry_run")
        store, standing = await self._store(), await self._standing(name)
        if only_count:
            return BackfillResult(len(instants(read(standing.spec), backfill)), 0, 0)
        return await fill_in(store, standing, backfill, progress, self._host.hooks.prepare)

    def create(
        self,
        task: BoundTask[..., Any],
        rule: Rule,
        *,
        replace: bool = False,
        **given: Unpack[ScheduleOptions],
    ) -> Schedule:
        """Do what `acreate` does, from sync code."""
        return self._run(self.acreate(task, rule, replace=replace, **given))

    def declare(self) -> SchedulesDeclared:
        """Do what `adeclare` does, from sync code."""
        return self._run(self.adeclare())

    def pause(self, *names: str) -> tuple[str, ...]:
        """Do what `apause` does, from sync code."""
        return self._run(self.apause(*names))

    def resume(self, *names: str) -> tuple[str, ...]:
        """Do what `aresume` does, from sync code."""
        return self._run(self.aresume(*names))

    def delete(self, *names: str) -> tuple[str, ...]:
        """Do what `adelete` does, from sync code."""
        return self._run(self.adelete(*names))

    def adopt(self, *names: str) -> tuple[str, ...]:
        """Do what `aadopt` does, from sync code."""
        return self._run(self.aadopt(*names))

    def run(self, name: str) -> Handle[Any]:
        """Do what `arun` does, from sync code."""
        return self._run(self.arun(name))

    def backfill(
        self,
        name: str,
        backfill: Backfill,
        progress: Progress | None = None,
        *,
        dry_run: bool = False,
    ) -> BackfillResult:
        """Do what `abackfill` does, from sync code."""
        return self._run(self.abackfill(name, backfill, progress, dry_run=dry_run))

    async def _switch(self, names: Sequence[str], how: Switch) -> tuple[str, ...]:
        store, known = await self._known(names)
        return await store.schedules.switch(known, how)

    async def _known(self, given: Sequence[str]) -> tuple[Store, tuple[str, ...]]:
        """Return the store, if it has all of these schedules, and their names."""
        names = tuple([whole(name, "schedule name") for name in given])
        store = await self._store()
        known = {standing.name for standing in await store.schedules.standings(names)}
        for name in names:
            if name not in known:
                raise UnknownSchedule(name, await self._near(name))
        return store, names
