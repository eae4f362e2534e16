"""One seeded world: a store, workers, a producer, an operator, and everything that goes wrong."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from dutiful.contract.capability import Capability
from dutiful.core.state import State

from . import invariants
from .auditor import Auditor
from .client import Operator, Producer
from .clocks import WorldClock
from .faults import HOUR, Mishap, Plan
from .faulty import FaultyEngine
from .faulty_alerts import ALERT_OPS
from .ledger import brief
from .loop import Life, Node, SimLoop, Stalled
from .network import Network
from .planner import Planner
from .processes import QUEUES, Processes
from .store import MemoryStore, SimStore
from .tasks import APP, SCENE
from .threads import Crowd, SimThreads
from .weather import Weather, has_alerters

DRAIN_MAX = 120.0
"""Virtual seconds after the last fault by which every job must have ended."""
LEAVE_MAX = 15.0
"""Virtual seconds by which an idle worker must have left, its stalled calls included."""
STEPS_MAX = 40_000
"""Steps of the loop; a usual world takes two thousand."""
PUNCTUAL_MAX = 3_000_000
"""Microseconds by which a schedule may be late when nothing is amiss."""
RESTART_MAX = 15.0
"""Virtual seconds by which the jobs of a killed worker must have been taken back."""

LEASE_MAX = 10.0


@dataclass(frozen=True)
class Story:
    """What came of one seed."""

    seed: int
    trace: list[tuple[float, str, str]]
    steps: int
    seconds: float
    failure: str | None

    def lines(self) -> list[str]:
        """Write the trace for a reader."""
        return [f"{at:10.4f}  {who:8}  {what}" for at, who, what in self.trace]


class World:
    """Owns the loop; what it is called back for, it hands to the auditor and the crew."""

    def __init__(self, seed: int, store: SimStore, *, long: bool = False) -> None:
        self.store = store
        self.long = long
        self.rng = random.Random(seed)
        rng = self.rng
        self.loop = SimLoop(random.Random(rng.getrandbits(32)))
        until = rng.uniform(60, 300) if long else rng.uniform(10, 25)
        self.plan = Plan(random.Random(rng.getrandbits(32)), until)
        self.clock = WorldClock(self.loop)
        store.begin(self.clock, self.loop)
        self.auditor = Auditor(self.loop, self.clock, store)
        SCENE.set(self)
        self.processes = Processes(
            self.loop, self.plan, random.Random(rng.getrandbits(32)), self.auditor
        )
        self.network = Network(self.loop, store, self.plan, self)
        self.weather: Weather | None = None
        if has_alerters(seed):
            self.weather = Weather(seed, self.loop, self.clock, self.plan, self.auditor.fail)
            self.processes.weather, self.network.alerts = self.weather, True
        jobs = rng.randint(100, 300) if long else rng.randint(12, 30)
        self.producer = Producer(self.loop, random.Random(rng.getrandbits(32)), jobs, until * 0.7)
        self.operator = Operator(self.loop, random.Random(rng.getrandbits(32)), self.auditor)
        self.planner = Planner(self.loop, random.Random(rng.getrandbits(32)), self.auditor)

    def sent(self, node: Node, op: str, args: tuple[Any, ...]) -> None:
        if op == "exchange" and args[2] is not None and self.loop.time() > node.stopped_at:
            self.auditor.fail(f"{args[0]} asked for jobs after it was told to stop")
        self.auditor.sent(node, op, args)

    def perform(self, node: Node, op: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        if self.weather is not None and op in ALERT_OPS:
            return self.weather.auditor.perform(op, args, call)
        return self.auditor.perform(node, op, args, call)

    def answered(self, node: Node, op: str, args: tuple[Any, ...], result: Any) -> None:
        self.auditor.answered(node, op, args, result)

    def kill(self, node: Node, why: str) -> None:
        self.processes.fall(node, f"KILLED {why}")

    def freeze(self, node: Node, why: str) -> None:
        self.processes.freeze(node, f"FROZEN {why}")

    def note(self, node: Node | None, what: str) -> None:
        self.auditor.note(node, what)

    def effect(self, ctx: Any, name: str) -> None:
        self.auditor.effect(ctx, name)

    def step(self, ctx: Any, name: str) -> None:
        self.auditor.step(ctx, name)

    def pay(self, ctx: Any, key: str) -> int:
        return self.auditor.pay(ctx, key)

    def write(self, ctx: Any, connection: Any) -> None:
        self.store.write(connection, ctx.job)

    def die(self) -> None:
        node = self.loop.current.node if self.loop.current else None
        if node is not None:
            self.kill(node, "by its job")

    def run(self) -> Story:
        """Live through the seed."""
        failure: str | None = None
        office = Node("office")
        crowd = Crowd()
        if self.store.threads:
            self.loop.aside = crowd.aside
        self.processes.network = self.network
        with APP.on(FaultyEngine(self.network, office, self.clock, mortal=False)):
            asyncio._set_running_loop(self.loop)
            self.processes.hire(self.network)
            main = self.loop.create_task(self._main())
            try:
                self.loop.run(main, STEPS_MAX * (20 if self.long else 1))
                if self.loop.broken is not None:
                    raise self.loop.broken
                main.result()
                if self.loop.troubles:
                    self.auditor.fail(f"the loop was told: {self.loop.troubles[0]}")
            except (AssertionError, Stalled) as error:
                failure = f"{type(error).__name__}: {error}"
            except Exception as error:  # noqa: BLE001 - the auditor met what it thought impossible
                failure = "".join(traceback.format_exception(error))
            finally:
                asyncio._set_running_loop(None)
                # What closing the killed processes' coroutines sets off is no part of the story.
                trace, self.auditor.trace = self.auditor.trace, []
                steps, seconds = self.loop.steps, self.loop.time()
                crowd.close()
                self.loop.close()
                self.network.close()
        return Story(0, trace, steps, seconds, failure)

    async def _main(self) -> None:
        rest = [
            asyncio.create_task(self.producer.run()),
            asyncio.create_task(self.operator.run(self.plan)),
            asyncio.create_task(self.planner.run(self.plan)),
            asyncio.create_task(self._chaos()),
        ]
        await asyncio.sleep(self.plan.until)
        await self._quiet()
        await asyncio.gather(*rest)
        await self._punctual()
        await self._drained()
        await self.planner.look()
        if self.weather is not None:
            await self.weather.judge(self.processes.deaths)
        await self._close()
        self._judge()

    def _clock_steps(self) -> None:
        self.auditor.clock_steps()
        if self.weather is not None:
            self.weather.auditor.steps += 1

    async def _chaos(self) -> None:
        if not self.plan.mishaps:
            return
        while True:
            await asyncio.sleep(self.rng.expovariate(0.4))
            if not self.plan.active(self.loop.time()):
                return
            self._mishap(self.rng.choice(self.plan.mishaps))

    def _mishap(self, what: Mishap) -> None:
        rng, processes = self.rng, self.processes
        living = processes.living()
        if what is Mishap.STORE_CLOCK:
            self._clock_steps()
            self.clock.step(rng.choice((HOUR, -HOUR, 5.0, -5.0)))
            self.note(None, f"the store's clock is askew by {self.clock.askew:.0f} s")
        elif what is Mishap.OUTAGE:
            self.plan.away_until = self.loop.time() + rng.choice((0.5, 3.0, 12.0))
            self.plan.hangs = rng.random() < 0.5
            self.note(None, f"the store is away until {self.plan.away_until:.1f}")
        elif what is Mishap.ROLL:
            for place, post in enumerate(processes.posts):
                self.loop.call_later(place * 1.0, processes.stop, post)
        elif living:
            self._strike(what, rng.choice(living))

    def _strike(self, what: Mishap, post: Any) -> None:
        rng, processes, node = self.rng, self.processes, post.node
        self.note(node, f"mishap: {what}")
        match what:
            case Mishap.KILL:
                self.kill(node, "at once")
            case Mishap.FREEZE:
                self.freeze(node, "at once")
            case Mishap.KILL_SOON:
                node.fuse = rng.randint(1, 60)
                node.on_fuse = lambda: self.kill(node, "between two steps")
            case Mishap.FREEZE_SOON:
                node.fuse = rng.randint(1, 60)
                node.on_fuse = lambda: self.freeze(node, "between two steps")
            case Mishap.STOP:
                processes.stop(post)
            case Mishap.HURRIED_STOP:
                processes.stop(post)
                self.loop.call_later(rng.random() * 2, processes.stop, post, 0)
            case Mishap.CLOCK:
                post.clock.step(rng.choice((HOUR, -HOUR, 3.0, -3.0)))
            case Mishap.CUT:
                self.plan.cut[node.name] = self.loop.time() + rng.choice((1.0, 5.0, 14.0))
                self.plan.hangs = rng.random() < 0.5
            case _:
                pass

    async def _quiet(self) -> None:
        """End the faults, and fix what only a person can fix."""
        self.plan.quiet(self.loop.time())
        self.note(None, "the faults stop")
        if self.weather is not None:
            self.weather.quiet()
        if self.clock.askew:
            self._clock_steps()
            self.clock.step(-self.clock.askew)
        dead = {node.name for node in self.processes.nodes if node.life is Life.DEAD}
        held = {
            (job.id, job.fence)
            for job in self.auditor.rows.values()
            if job.state is State.RUNNING and (job.worker or "").partition("/")[0] in dead
        }
        self.processes.gather()
        for queue in QUEUES:
            await APP.store.controller(Capability.PAUSE).resume(queue)
        # The store's clock has just been set right, which makes leases be watched again.
        more = 2 * LEASE_MAX if self.store.wall_leases else 0
        self.loop.call_later(RESTART_MAX + more, self._taken_back, held)

    def _taken_back(self, held: set[tuple[str, int]]) -> None:
        for job_id, fence in held:
            row = self.auditor.rows[job_id]
            if row.state is State.RUNNING and row.fence == fence:
                self.auditor.fail(f"long after the quiet, {row.worker} holds {job_id}")

    async def _punctual(self) -> None:
        """Demand that schedules fire once the faults have stopped, then pause them."""
        store = APP.store.schedules
        await store.switch([one.name for one in await store.standings()], "resume")
        await asyncio.sleep(RESTART_MAX)
        batch = await store.due(10)
        # A task's transaction may keep everybody else from writing for five seconds.
        most = PUNCTUAL_MAX * (4 if self.network.store.exclusive else 1)
        late = [
            one.standing.name
            for one in batch.due
            if one.standing.next is not None and batch.now - one.standing.next > most
        ]
        if late or not self.auditor.expected_schedules:
            self.auditor.fail(f"nobody schedules {late}")
        await self._hush()

    async def _hush(self) -> None:
        """Pause every schedule, so that the world can come to rest."""
        store = APP.store.schedules
        awake = [one.name for one in await store.standings() if one.paused_at is None]
        if awake:
            await store.switch(awake, "pause")

    async def _drained(self) -> None:
        # A worker runs suspects of a crash one by one, and a long world has ten times as many.
        end = self.loop.time() + DRAIN_MAX * (10 if self.long else 1)
        hurried = False
        while left := [job for job in self.auditor.rows.values() if not job.state.final]:
            far = [job.id for job in left if job.run_at > self.clock.now() + 120_000_000]
            if far and not hurried:
                # Asked for while the store's clock was an hour ahead.
                hurried = True
                await APP.store.controller(Capability.DELAY).run_now(far)
            if self.loop.time() > end:
                self.auditor.fail(f"{len(left)} jobs did not end: {[brief(job) for job in left]}")
            await self._hush()
            await asyncio.sleep(0.25)

    async def _close(self) -> None:
        """Tell everybody to stop; with nothing left to run, all leave at once."""
        self.processes.closing = True
        for post in self.processes.posts:
            self.processes.stop(post)
        end = self.loop.time() + LEAVE_MAX
        while self.processes.living() and self.loop.time() < end:  # noqa: ASYNC110 - virtual time
            await asyncio.sleep(0.25)
        if stayed := [post.node.name for post in self.processes.living() if post.node]:
            self.auditor.fail(f"{stayed} did not leave when told to stop")

    def _judge(self) -> None:
        auditor, store_rows = self.auditor, self.store.store_rows
        for job_id, job in auditor.rows.items():
            record = auditor.records[job_id]
            auditor.blame(job_id, invariants.counted(job, record))
            auditor.blame(job_id, invariants.poisoned(job, record))
            errors = store_rows.errors(job_id)
            if len(errors) != record.errors or (job.state is State.DEAD and not errors):
                auditor.fail(f"{job_id} ({job.state.word}) left {errors}, must be {record.errors}")
            written = [key for key in store_rows.written if key[1] == job_id]
            succeeded = job.state is State.SUCCEEDED and job.task == "writes"
            if len(written) != succeeded:
                auditor.fail(f"{job_id} is {job.state.word} and its transaction wrote {written}")
        missing = [name for name, record in auditor.records.items() if name not in auditor.rows]
        if missing:
            auditor.fail(f"acknowledged jobs vanished: {missing}")
        auditor.judge_calendar()
        if self.weather is not None:
            succeeded = sum(job.state is State.SUCCEEDED for job in auditor.rows.values())
            self.weather.judge_counts(succeeded, self.processes.deaths)
        if silent := auditor.unmourned():
            auditor.fail(f"{silent} died, and no JobDied was emitted")


def live(seed: int, store: SimStore | None = None, *, long: bool = False) -> Story:
    """Run one seed in a context of its own, so that nothing leaks into the next."""

    def story() -> Story:
        return World(seed, store or MemoryStore(), long=long).run()

    with patch("dutiful.worker.runners.ThreadSlots", SimThreads):
        reported = copy_context().run(story)
    return Story(seed, reported.trace, reported.steps, reported.seconds, reported.failure)
