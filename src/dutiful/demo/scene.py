"""The story of the demo, step by step: enqueue, kill, rescue, finish, redrive, judge."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from time import monotonic
from typing import Any

import msgspec

from dutiful.app import App
from dutiful.client.task import Task
from dutiful.core.state import State
from dutiful.demo.books import FAILING
from dutiful.demo.desk import jobs_of
from dutiful.demo.orders import Order
from dutiful.demo.schedule import NAME, Occurrences, occurrences
from dutiful.demo.verdict import Survived, Verdict, judge
from dutiful.demo.visitor import Visitor
from dutiful.demo.watch import LOOK_SECONDS, Watch
from dutiful.demo.wording import count

RESCUE_SECONDS_MAX = 20.0
QUIET_SECONDS = 0.5
CASH_SECONDS_MAX = 10.0
SLOTS = 8
FAILING_SHARE = 170
"""One card in so many fails, when the orders bring none of their own that does."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be played."""

    orders: tuple[Order, ...]
    workers: int
    seed: int
    naive: bool

    @property
    def module(self) -> str:
        """The shop's module with the tasks."""
        return "naive" if self.naive else "tasks"


class Scene:
    """Plays the story once."""

    def __init__(
        self, plan: Plan, app: App, charge: Task[..., Any, Any], visitor: Visitor, watch: Watch
    ) -> None:
        """Take the stage: the gateway runs and the app is open."""
        self.plan = plan
        self.app = app
        self.charge = charge
        self.visitor = visitor
        self.watch = watch
        self.picture = watch.picture

    async def play(self) -> Verdict:
        """Tell the whole story."""
        await self.enqueue()
        await self.start()
        killed = await self.kill()
        await self.finish()
        dead, redriven = await self.redrive()
        await self.watch.breathe()
        kept = None if self.plan.naive else await self.cash_up()
        self.watch.tell("workers are asked to stop (SIGTERM), the ledger is read")
        await self.watch.crew.drain()
        tally = await self.watch.desk.tally()
        ledger = await self.visitor.ledger()
        stats = await self.visitor.stats()
        survived = Survived(
            attempts=tally.attempts,
            retries=max(tally.attempts - len(self.plan.orders) - redriven, 0),
            workers_killed=killed,
            rescued=tally.rescued,
            dead=dead,
            redriven=redriven,
            still_dead=tally.dead,
            faults=_faults(msgspec.structs.asdict(stats)),
            seconds=round(self.watch.seconds, 2),
            occurrences=kept,
        )
        return judge(self.plan.orders, ledger, survived, naive=self.plan.naive)

    async def enqueue(self) -> None:
        """Store a job for each order."""
        orders = self.plan.orders
        if not any(order.card.startswith(FAILING) for order in orders):
            await self.visitor.break_cards(_some_cards(orders, self.plan.seed))
        started = monotonic()
        stored = await self.app.aenqueue_many(jobs_of(self.charge, orders))
        await self.watch.look()
        seconds = monotonic() - started
        self.watch.tell(f"{count(stored, 'charge')} enqueued in {seconds:.2f} s, one per order")

    async def start(self) -> None:
        """Start the workers and wait for the first charge."""
        for _ in range(self.plan.workers):
            await self._hire()
        await self.watch.until(lambda: self._all_at_work() or not self.picture.live)
        workers = count(self.plan.workers, "worker process", "worker processes")
        self.watch.tell(f"{workers} at work")
        if not self.plan.naive:
            self.watch.tell(f"a schedule: {NAME}, each half second, by whichever worker is there")

    async def kill(self) -> int:
        """Kill a worker half-way, wait for the rescue, and put another in its place."""
        watch, crew = self.watch, self.watch.crew
        half = max(len(self.plan.orders) // 2, 1)
        await watch.until(lambda: self._ripe(half) or not self.picture.live)
        victim = crew.workers[0]
        held = (await watch.desk.workers()).get(victim.pid)
        crew.kill(victim)
        jobs = count(held.running if held else 0, "job")
        watch.tell(f"kill -9 on {victim.name}, half-way, with {jobs} in its hands", "bad")
        alone = self.plan.workers == 1
        if alone or self.plan.naive:
            await self._hire()
        if not self.plan.naive:
            await watch.until(lambda: self._rescued() or not self.picture.live, RESCUE_SECONDS_MAX)
        if watch.rescued:
            who = crew.workers[1].name
            watch.tell(f"{who} noticed, and rescued {count(watch.rescued, 'job')}", "good")
        if len(crew.workers) == self.plan.workers:
            await self._hire()
        watch.tell(f"{crew.workers[-1].name} started in its place")
        return 1

    async def finish(self) -> None:
        """Wait until every job has ended, and nobody is still talking to the gateway."""
        await self.watch.until(lambda: not self.picture.live)
        if not self.plan.naive:
            return
        # The naive worker hides its work from the store, so the gateway's silence must do.
        silent_since = self.watch.seconds
        while self.watch.seconds - silent_since < QUIET_SECONDS:
            await self.watch.until(lambda: True)
            if self.picture.live or self.picture.stats.inflight:
                silent_since = self.watch.seconds
        done = count(self.picture.counts.get(State.SUCCEEDED, 0), "job")
        self.watch.tell(f"the queue says: {done} succeeded, none failed", "good")

    async def redrive(self) -> tuple[int, int]:
        """Repair the cards and send the dead letters back."""
        dead = self.picture.counts.get(State.DEAD, 0)
        if not dead:
            return 0, 0
        letters = count(dead, "dead letter")
        self.watch.tell(f"all others are charged; {letters}, each with its error kept", "bad")
        await self.watch.breathe()
        await self.visitor.repair()
        redriven = await self.watch.desk.redrive()
        self.watch.tell(f"cards repaired, {count(redriven, 'dead letter')} redriven", "good")
        await self.watch.until(lambda: not self.picture.live)
        return dead, redriven

    async def cash_up(self) -> Occurrences:
        """End the schedule, and see what became of each of its occurrences."""
        watch, desk = self.watch, self.watch.desk
        await watch.until(lambda: self.picture.cash_ups > 0, CASH_SECONDS_MAX)
        standing = await desk.pause_schedule()
        end = watch.seconds + CASH_SECONDS_MAX
        while await desk.cashing_up() and watch.seconds < end:
            await watch.until(lambda: True)
            await asyncio.sleep(LOOK_SECONDS)
        return occurrences(standing, await self.visitor.cash_ups(), await desk.history())

    def _all_at_work(self) -> bool:
        return self.picture.charged > 0 and all(hand.joined for hand in self.picture.hands)

    def _ripe(self, half: int) -> bool:
        return self.picture.charged >= half and self.picture.hands[0].running > 0

    def _rescued(self) -> bool:
        return self.watch.rescued > 0

    async def _hire(self) -> None:
        await self.watch.crew.worker(f"{self.plan.module}:app", SLOTS)


def _some_cards(orders: Sequence[Order], seed: int) -> list[str]:
    cards = sorted({order.card for order in orders})
    rng = random.Random(seed)  # noqa: S311 - chance, not secrets
    return rng.sample(cards, -(-len(cards) // FAILING_SHARE))


def _faults(stats: dict[str, int]) -> dict[str, int]:
    return {kind: stats[kind] for kind in ("errors", "stalls", "cuts", "declined", "replayed")}
