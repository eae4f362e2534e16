"""Who uses the store from outside: one enqueues by the production client, one operates."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from msgspec.structs import replace

from dutiful.client.options import unique_rule
from dutiful.contract.capability import Capability
from dutiful.contract.roles.controller import Redrive
from dutiful.core.errors import DuplicateJob, EngineError, EngineUnavailable, ReplyUnknown
from dutiful.core.job import NewJob
from dutiful.core.state import State

from . import tasks as t
from .auditor import Auditor
from .faults import Plan
from .loop import SimLoop
from .processes import QUEUES


class Producer:
    """Enqueues in batches and by ones; after a lost reply it asks again with the same jobs."""

    def __init__(self, loop: SimLoop, rng: random.Random, jobs: int, until: float) -> None:
        self._loop = loop
        self._rng = rng
        self._jobs = jobs
        self._until = until
        self._count = 0

    async def run(self) -> None:
        """Enqueue everything, spread over time."""
        rng = self._rng
        while self._count < self._jobs:
            size = min(rng.choice((1, 1, 2, 4, 8)), self._jobs - self._count)
            await self._enqueue([self._job() for _ in range(size)])
            await asyncio.sleep(rng.random() * 2 * self._until * size / self._jobs)

    async def _enqueue(self, jobs: list[NewJob]) -> None:
        sure = False
        while not sure:
            try:
                await t.APP.aenqueue_jobs(jobs)
            except (EngineUnavailable, ReplyUnknown):
                await asyncio.sleep(self._rng.random())
                continue
            except DuplicateJob:
                return
            # Now and then it asks once more although it need not, as an impatient client does.
            sure = self._rng.random() < 0.9

    def _job(self) -> NewJob:
        rng, self._count = self._rng, self._count + 1
        task, args = self._task()
        options: dict[str, Any] = {"priority": rng.choice((0, 0, 0, 5, -5))}
        if rng.random() < 0.2:
            options["delay"] = rng.random() * 6
        if rng.random() < 0.15:
            options["expires_in"] = 0.5 + rng.random() * 5
        if rng.random() < 0.25:
            options["unique"] = unique_rule(
                rng.choice(("red", "green")),
                period=rng.choice((None, None, 10)),
                on_conflict=rng.choice(("existing", "existing", "replace", "raise")),
            )
        return replace(task.using(**options).job(*args), id=f"job-{self._count:03d}")

    def _task(self) -> tuple[Any, tuple[Any, ...]]:
        rng = self._rng
        return rng.choice(
            (
                (t.quick, (rng.random() * 0.2,)),
                (t.quick, (rng.random() * 0.2,)),
                (t.slow, (1 + rng.random() * 4,)),
                (t.slow, (rng.choice((2.0, 12.0)),)),
                (t.flaky, (rng.randint(1, 3),)),
                (t.flaky, (9,)),
                (t.naps, (rng.randint(1, 2),)),
                (t.later, ()),
                (t.drops, ()),
                (t.quits, ()),
                (t.steps, (rng.random(),)),
                (t.steps, (rng.choice((0.2, 1.0, 4.0)),)),
                (t.writes, (rng.random(),)),
                (t.writes, (rng.choice((1.0, 4.0, 11.0)),)),
                (t.pays, (rng.randint(1, 9),)),
                (t.late, ()),
                (t.stubborn, (rng.random() * 3,)),
                (t.poison, ()),
                (t.garbage, ()),
                (t.newer, (rng.random(),)),
            )
        )


class Operator:
    """Cancels, hurries, redrives and pauses, now and then."""

    def __init__(self, loop: SimLoop, rng: random.Random, auditor: Auditor) -> None:
        self._loop = loop
        self._rng = rng
        self._auditor = auditor

    async def run(self, plan: Plan) -> None:
        """Interfere until the faults stop."""
        acts = [
            act
            for act in (self._cancel, self._hurry, self._redrive, self._pause, self._hold)
            if self._rng.random() < 0.5
        ]
        while acts:
            await asyncio.sleep(self._rng.expovariate(0.25))
            if not plan.active(self._loop.time()):
                return
            try:
                await self._rng.choice(acts)()
            except EngineError:
                continue

    def _some(self, *states: State) -> list[str]:
        ids = [job.id for job in self._auditor.rows.values() if job.state in states]
        return self._rng.sample(ids, min(len(ids), 2))

    async def _cancel(self) -> None:
        await t.APP.store.controller(Capability.CANCEL).cancel(
            self._some(State.RUNNING, State.QUEUED)
        )

    async def _hurry(self) -> None:
        await t.APP.store.controller(Capability.DELAY).run_now(
            self._some(State.SCHEDULED, State.WAITING)
        )

    async def _redrive(self) -> None:
        ids = self._some(State.DEAD, State.CANCELLED)
        await t.APP.store.controller(Capability.REDRIVE).redrive(
            [Redrive(job_id) for job_id in ids]
        )

    async def _hold(self) -> None:
        """Pause schedules for a while; one of them may not be there."""
        names = self._rng.sample(["beat", "alone", "queued", "second"], 2)
        await t.APP.store.schedules.switch(names, "pause")
        await asyncio.sleep(self._rng.random() * 4)
        await t.APP.store.schedules.switch(names, "resume")

    async def _pause(self) -> None:
        queue = self._rng.choice(QUEUES)
        await t.APP.store.controller(Capability.PAUSE).pause(queue)
        await asyncio.sleep(self._rng.random() * 4)
        await t.APP.store.controller(Capability.PAUSE).resume(queue)
