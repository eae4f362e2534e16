"""Who keeps schedules by hand: creates, changes, runs, fills in and deletes them."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from dutiful.client.backfill import Backfill
from dutiful.core.errors import (
    BadOption,
    BadSchedule,
    EngineError,
    EngineUnavailable,
    UnknownSchedule,
    UsageError,
)
from dutiful.core.instant import SECOND, moment
from dutiful.core.rule import Cron, Interval, Rule

from . import tasks as t
from .auditor import Auditor
from .faults import Plan
from .loop import SimLoop
from .timetable import instants

OWN = ("mine", "yours")
"""Schedules that nobody declares."""
_PAGE = 4


class Planner:
    """Uses the production client, and holds it to what it answers."""

    def __init__(self, loop: SimLoop, rng: random.Random, auditor: Auditor) -> None:
        self._loop = loop
        self._rng = rng
        self._auditor = auditor
        self._schedules = t.APP.schedules

    async def run(self, plan: Plan) -> None:
        """Plan until the faults stop."""
        rng = self._rng
        others = (self._replace, self._delete, self._hold, self._run, self._backfill, self.look)
        acts = [self._create, *(act for act in others if rng.random() < 0.6)]
        if rng.random() < 0.3:
            return
        while True:
            await asyncio.sleep(rng.expovariate(0.5))
            if not plan.active(self._loop.time()):
                return
            try:
                await rng.choice(acts)()
            except EngineError:
                continue

    async def look(self) -> None:
        """Read everything page by page; the auditor compares."""
        store, after = t.APP.store.schedules, ""
        while page := await store.standings(None, _PAGE, after):
            after = page[-1].name
            for one in page:
                before = None
                while rows := await store.occurrences(one.name, 10 * _PAGE, before):
                    before = rows[-1].planned

    def _rule(self) -> Rule:
        rng = self._rng
        return rng.choice(
            (
                Interval(rng.choice((1_300_000, 3_700_000)), rng.choice((0, 400_000))),
                Cron("*/2 * * * * *"),
            )
        )

    def _options(self) -> dict[str, Any]:
        rng = self._rng
        options: dict[str, Any] = {
            "misfire": rng.choice(("skip", "once", "all")),
            "misfire_max": rng.randint(1, 4),
            "misfire_window": rng.choice((None, "3s")),
            "late_after": rng.choice(("1s", "2s", "1m")),
            "overlap": rng.choice(("allow", "skip", "queue-one", "cancel-running")),
            "start_within": rng.choice(("1s", None)),
            "finish_within": rng.choice(("2s", None)),
        }
        if rng.random() < 0.2:
            options["end"] = moment(self._auditor.clock.now() + rng.randint(2, 9) * SECOND)
        return options

    async def _put(self, name: str, *, replace: bool) -> None:
        task, seconds = self._rng.choice(((t.quick, 0.05), (t.slow, 1.5), (t.writes, 0.2)))
        options = self._options()
        try:
            await self._schedules.acreate(
                task, self._rule(), replace=replace, name=name, args=(seconds,), **options
            )
        except BadSchedule as error:
            if "end" not in options:
                self._auditor.fail(f"{name} was refused: {error}")
        except BadOption as error:
            if replace or name not in self._auditor.expected_schedules:
                self._auditor.fail(f"{name} was refused: {error}")

    async def _create(self) -> None:
        await self._put(self._rng.choice(OWN), replace=False)

    async def _replace(self) -> None:
        """Give a schedule another spec; those that the workers declare are theirs."""
        await self._put(self._rng.choice(OWN), replace=True)

    async def _delete(self) -> None:
        """Delete a schedule, now and then to create it again at once."""
        name = self._rng.choice((*OWN, *OWN, "alone"))
        try:
            await self._schedules.adelete(name)
        except UnknownSchedule:
            self._unknown(name)
        if name in OWN and self._rng.random() < 0.5:
            await self._put(name, replace=False)

    async def _hold(self) -> None:
        name = self._rng.choice((*OWN, "beat"))
        try:
            await self._schedules.apause(name)
            await asyncio.sleep(self._rng.random() * 5)
            await self._schedules.aresume(name)
        except UnknownSchedule:
            self._unknown(name)

    async def _run(self) -> None:
        name = self._rng.choice((*OWN, "alone", "beat"))
        try:
            job_id = (await self._schedules.arun(name)).id
        except UsageError:
            self._unknown(name)
            return
        if job_id not in self._auditor.rows:
            self._auditor.fail(f"{name} was run by hand, and there is no {job_id}")

    async def _backfill(self) -> None:
        """Fill in a time range of the past, twice: the second time nothing is missing."""
        name = self._rng.choice((*OWN, *OWN, "second"))
        end = self._auditor.clock.now() - SECOND // 4
        stretch = Backfill(start=end - self._rng.randint(1, 9) * SECOND, end=end)
        try:
            await self._filled(name, stretch)
            more = await self._filled(name, stretch)
        except UsageError:
            if not self._auditor.stepped:  # else the stretch may end in the future by now
                self._unknown(name)
            return
        course = self._auditor.expected_schedules.get(name)
        if course is None or course.retired:
            return
        rest = instants(course.schedule, stretch.start - 1, stretch.end)
        if more or (missing := [at for at in rest if at not in course.history]):
            self._auditor.fail(f"{name} was filled in, {more} more than once, without {missing}")

    async def _filled(self, name: str, stretch: Backfill) -> int:
        for _ in range(5):
            try:
                return (await self._schedules.abackfill(name, stretch)).made
            except EngineError:
                await asyncio.sleep(self._rng.random())
        raise EngineUnavailable("simulated: a person gives up")

    def _unknown(self, name: str) -> None:
        """Take it that a schedule is not there, or is retired, only if that is so."""
        course = self._auditor.expected_schedules.get(name)
        if name in OWN and course is not None and not course.retired:
            self._auditor.fail(f"{name} is there, and was said not to be")
