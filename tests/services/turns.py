"""A scheduler, its store and its events, on a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from dutiful.client.app_declaration import AppDeclaration
from dutiful.contract.facade import Store
from dutiful.contract.roles.schedule_store import Advanced, Declared, DueBatch
from dutiful.core.event import (
    Event,
)
from dutiful.core.instant import MINUTE
from dutiful.core.occurrence import Advance
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.services.scheduler import Scheduler
from dutiful.testing import FakeClock
from tests.flat import Flat

E = TypeVar("E", bound=Event)


class Middle:
    """Draws the middle of every range."""

    def random(self) -> float:
        return 0.5


class Engine(Flat):
    """The memory engine, which notes declarations and can be down."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.shown: list[tuple[str, bool]] = []
        """Declaration versions, and whether their schedules came along."""
        self.down = False
        self.refusals: dict[str, Exception] = {}
        """What is raised for a move of a schedule that makes something."""
        self.writes = 0

    async def advance(self, moves: Sequence[Advance]) -> Advanced:
        self.writes += 1
        for move in moves:
            if move.occurrences and move.name in self.refusals:
                raise self.refusals[move.name]
        return await super().advance(moves)

    async def declare(
        self, app: str, declaration_version: str, schedules: Sequence[Schedule] | None
    ) -> Declared:
        self.shown.append((declaration_version, schedules is not None))
        return await super().declare(app, declaration_version, schedules)

    async def due(self, limit: int) -> DueBatch:
        if self.down:
            raise ConnectionError("the store is away")
        return await super().due(limit)


class World:
    def __init__(self, runner: asyncio.Runner, clock: FakeClock) -> None:
        self.runner = runner
        self.clock = clock
        self.engine = Engine(clock)
        self.events: list[Event] = []
        self.store = Store(self.engine, self.events.append)

    def scheduler(self, declaration: AppDeclaration | None = None, **given: Any) -> Scheduler:
        options = {"clock": self.clock, "rng": Middle(), "healthy": lambda: True, **given}
        return Scheduler(self.store, declaration or declaration_version("one"), **options)

    def turn(self, scheduler: Scheduler) -> int:
        return self.runner.run(scheduler.run_once())

    def rest(self, scheduler: Scheduler) -> float:
        async def rest() -> float:
            return scheduler.rest(Middle())

        return self.runner.run(rest())

    def put(self, *schedules: Schedule) -> None:
        for one in schedules:
            self.runner.run(self.engine.schedules.put_schedule(one, replace=True))

    def spoil(self, name: str, spec: bytes) -> None:
        standings = self.engine.tables.standings
        standings[name] = replace(standings[name], spec=spec)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def made(self) -> list[str]:
        return sorted(job.meta["schedule"] for job in self.engine.tables.jobs.values())


def every(name: str, period: int = MINUTE, **fields: Any) -> Schedule:
    return replace(Schedule(name=name, task="t", rule=Interval(period)), **fields)


def declaration_version(digest: str, *schedules: Schedule) -> AppDeclaration:
    return AppDeclaration("app", digest, schedules)
