"""Years of schedules on a clock that jumps from one due instant to the next.

Real are `Scheduler`, `AppDeclaration` and the memory engine, with a `Judge` beside it. There are no
workers: a job ends as soon as it is made.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dutiful.client.app_declaration import AppDeclaration
from dutiful.contract.facade import Store
from dutiful.contract.roles.schedule_store import Advanced, Declared, DueBatch
from dutiful.core.advance import Switch
from dutiful.core.event import Event, ScheduleBroken
from dutiful.core.occurrence import Advance
from dutiful.core.schedule import Schedule, written
from dutiful.services.scheduler import Scheduler
from dutiful.testing import FakeClock
from tests.flat import Flat

from .almanac import DAY, HOUR, MINUTE
from .judge import Fault, Judge
from .loop import FakeTimeLoop
from .plans import changed, plan

START = datetime(2011, 1, 1, tzinfo=UTC)
"""So that a run of years meets Apia's lost day and all that zones have changed since."""
YEAR = 365 * DAY
_SECOND = MINUTE // 60
_DIARY = 3 * DAY
_EVERY = {"pause": 6, "outage": 25, "step": 20, "deploy": 25}
"""About how many days lie between two; a deploy is one of one app's."""


class Witnessed(Flat):
    """The memory engine, whose every write to a schedule the judge sees."""

    def __init__(self, clock: FakeClock, judge: Judge) -> None:
        super().__init__(clock)
        self.judge = judge
        self.next_in: int | None = None

    async def declare(
        self, app: str, declaration_version: str, schedules: Sequence[Schedule] | None
    ) -> Declared:
        answer = await super().declare(app, declaration_version, schedules)
        if answer.applied and schedules is not None:
            names = (*answer.changed, *answer.retired)
            self.judge.declared(app, declaration_version, names, self.tables.clock.now())
        return answer

    async def due(self, limit: int) -> DueBatch:
        batch = await super().due(limit)
        self.next_in = batch.next_in
        await asyncio.sleep(0)  # another scheduler may read the same now
        return batch

    async def advance(self, moves: Sequence[Advance]) -> Advanced:
        answer = await super().advance(moves)
        now, made, accepted = self.tables.clock.now(), frozenset(answer.made), set(answer.accepted)
        for move in moves:
            if move.name not in accepted:
                continue
            self.judge.moved(move, made, now)
            waits = [] if move.next is None else [move.next - now]
            waits += [] if move.held is None else [_SECOND // 2]
            self.next_in = min([*waits, *([] if self.next_in is None else [self.next_in])])
            self._sweep(move.name, now)
        return answer

    async def switch(self, names: Sequence[str], how: Switch) -> tuple[str, ...]:
        done = await super().switch(names, how)
        for name in done:
            self.judge.switched(name, how, self.tables.clock.now())
        return done

    def _sweep(self, name: str, now: int) -> None:
        """Let jobs end at once, and keep the diaries of some days only."""
        self.tables.jobs.clear()
        history = self.tables.histories.get(name, {})
        for at in [at for at in history if at < now - _DIARY]:
            del history[at]


@dataclass
class Part:
    """One app: its code, and the schedulers of its workers."""

    name: str
    code: dict[str, Schedule]
    crew: list[Scheduler] = field(default_factory=list[Scheduler])
    dropped: list[Schedule] = field(default_factory=list[Schedule])


class World:
    """Everything that happens follows from the seed."""

    def __init__(self, seed: int, years: float, count: int) -> None:
        self.rng = random.Random(seed)
        self.clock = FakeClock(START)
        self.judge = Judge()
        self.judge.turned_at = self.clock.now()
        self.engine = Witnessed(self.clock, self.judge)
        self.events: list[Event] = []
        self.store = Store(self.engine, self.events.append)
        self.end = int(years * YEAR)
        self.parts = [self._part(f"app{n}", -(-count // 10)) for n in range(10)]
        self.agenda: list[tuple[int, str, str]] = []
        for what in _EVERY:
            self._plan(what)

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.judge.counts)

    def run(self) -> None:
        """Live all the years; raises `Fault`."""
        with asyncio.Runner(loop_factory=lambda: FakeTimeLoop(self.clock)) as runner:
            runner.run(self._live())

    async def _live(self) -> None:
        for part in self.parts:
            self._edit(part, part.code)
            part.crew = self._crew(part)
            await self._turn(part.crew[:1])
        while self.clock.ticks() < self.end:
            wait = self.engine.next_in
            at = self.end if wait is None else self.clock.ticks() + max(wait, 0) + self._lateness()
            if self.agenda[0][0] <= at:
                when, what, name = heapq.heappop(self.agenda)
                self._pass(when - self.clock.ticks())
                await self._happen(what, name)
            else:
                self._pass(at - self.clock.ticks())
                await self._turn(self._some())
        self.judge.close()

    def _lateness(self) -> int:
        """Draw how late a scheduler comes: mostly at once, now and then too late."""
        longest = self.rng.choices((_SECOND // 3, 50 * _SECOND, 10 * MINUTE), (90, 8, 2))[0]
        return self.rng.randrange(longest)

    def _some(self) -> list[Scheduler]:
        """Draw the scheduler that comes by, or two that come at once."""
        crew = self.rng.choice(self.parts).crew
        return crew if self.rng.random() < 0.05 else [self.rng.choice(crew)]

    async def _turn(self, crew: Sequence[Scheduler]) -> None:
        await asyncio.gather(*(one.run_once() for one in crew))
        self.judge.turned(self.clock.now())
        self.judge.counts["turns"] += 1
        if broken := [event for event in self.events if isinstance(event, ScheduleBroken)]:
            raise Fault(str(broken))
        self.events.clear()

    def _pass(self, ticks: int) -> None:
        if ticks > 0:
            self.clock.advance(timedelta(microseconds=ticks))

    def _plan(self, what: str, name: str = "", within: int | None = None) -> None:
        days = 2 * _EVERY.get(what, 1) / (len(self.parts) if what == "deploy" else 1)
        after = self.rng.randrange(within or int(days * DAY))
        heapq.heappush(self.agenda, (self.clock.ticks() + after, what, name))

    async def _happen(self, what: str, name: str) -> None:
        self.judge.counts[what] += 1
        if what in _EVERY:
            self._plan(what)
        match what:
            case "pause":
                name = self.rng.choice(sorted(self.judge.courses))
                if await self.store.schedules.switch([name], "pause"):
                    self._plan("resume", name, self.rng.choice((6 * HOUR, 3 * DAY, 40 * DAY)))
            case "resume":
                await self.store.schedules.switch([name], "resume")
            case "outage":
                self._pass(self.rng.randrange(self.rng.choice((10 * MINUTE, 6 * HOUR, 4 * DAY))))
            case "step":
                self.clock.step(self.rng.choice(("1h", "-1h")))
                self.judge.stepped(self.clock.now())
            case _:
                await self._deploy(self.rng.choice(self.parts))
        await self._turn(self._some())

    async def _deploy(self, part: Part) -> None:
        """Run two versions side by side for some minutes; one of them goes."""
        before, old = part.code, part.crew
        await self._turn(old[:1])
        declaration_version = self._edit(part, self._changed(part))
        new = self._crew(part)
        for _ in range(self.rng.randint(3, 12)):
            await self._turn(new[:1])
            self._pass(self.rng.randrange(1, 20) * _SECOND)
            await self._turn(self.rng.choice((old, old[-1:])))
        self._stands(part, declaration_version)
        if self.rng.random() < 0.8:
            part.crew = new
            return
        self.judge.counts["rollback"] += 1
        declaration_version = self._edit(part, before)
        part.crew = self._crew(part) if self.rng.random() < 0.5 else old
        for _ in range(6):
            self._pass(20 * _SECOND)
            await self._turn(part.crew)
        self._stands(part, declaration_version)

    def _stands(self, part: Part, declaration_version: str) -> None:
        if self.judge.in_force[part.name] != declaration_version:
            raise Fault(f"{part.name}: edition {declaration_version} never came to rule")

    def _changed(self, part: Part) -> dict[str, Schedule]:
        """Draw a new version of the code."""
        rng, code = self.rng, dict(part.code)
        for name in rng.sample(sorted(code), min(len(code), rng.randint(0, 3))):
            code[name] = changed(code[name], rng)
        if rng.random() < 0.5 and len(code) > 1:
            part.dropped.append(code.pop(rng.choice(sorted(code))))
        if rng.random() < 0.5 and part.dropped:
            back = part.dropped.pop(rng.randrange(len(part.dropped)))
            code[back.name] = back
        return code

    def _part(self, name: str, count: int) -> Part:
        names = [f"{name}-{n}" for n in range(count)]
        return Part(name, {one: plan(one, name, self.rng) for one in names})

    def _edit(self, part: Part, code: dict[str, Schedule]) -> str:
        """Make a version of the code the one that must rule."""
        text = b"".join(written(code[name]) for name in sorted(code))
        declaration_version = hashlib.sha256(text).hexdigest()[:16]
        part.code = code
        self.judge.declaration_versions[declaration_version] = code
        self.judge.apps[part.name] = declaration_version
        return declaration_version

    def _crew(self, part: Part) -> list[Scheduler]:
        return [self._scheduler(part) for _ in range(2)]

    def _scheduler(self, part: Part) -> Scheduler:
        return Scheduler(
            self.store,
            AppDeclaration(part.name, self.judge.apps[part.name], tuple(part.code.values())),
            clock=self.clock,
            rng=self.rng,
            healthy=lambda: True,
        )
