"""The steps of the demo: enqueue, kill, rescue, finish, redrive, judge."""

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
from dutiful.demo.gateway_client import GatewayClient
from dutiful.demo.monitor import LOOK_SECONDS, Monitor
from dutiful.demo.orders import Order
from dutiful.demo.schedule_verdict import NAME, Occurrences, occurrences
from dutiful.demo.shop_store import jobs_of
from dutiful.demo.verdict import Survived, Verdict, judge
from dutiful.demo.wording import count

RESCUE_SECONDS_MAX = 20.0
QUIET_SECONDS = 0.5
CASH_SECONDS_MAX = 10.0
ALERT_SECONDS_MAX = 20.0
SLOTS = 8
FAILING_SHARE = 170
"""One card in so many fails, when the orders bring none of their own that does."""


class DemoPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo is to do."""

    orders: tuple[Order, ...]
    workers: int
    seed: int
    naive: bool

    @property
    def module(self) -> str:
        """The shop's module with the tasks."""
        return "naive" if self.naive else "tasks"


class Scenario:
    """Takes the steps once."""

    def __init__(
        self,
        plan: DemoPlan,
        app: App,
        charge: Task[..., Any, Any],
        gateway: GatewayClient,
        monitor: Monitor,
    ) -> None:
        """Prepare; the gateway runs and the app is open."""
        self.plan = plan
        self.app = app
        self.charge = charge
        self.gateway = gateway
        self.monitor = monitor
        self.status = monitor.status

    async def run(self) -> Verdict:
        """Take every step and return the verdict."""
        await self.enqueue()
        await self.start()
        killed = await self.kill()
        await self.finish()
        dead, redriven = await self.redrive()
        await self.monitor.pause()
        kept = None if self.plan.naive else await self.cash_up()
        self.monitor.report("workers are asked to stop (SIGTERM), the ledger is read")
        await self.monitor.processes.drain()
        tally = await self.monitor.shop_store.tally()
        ledger = await self.gateway.ledger()
        stats = await self.gateway.stats()
        survived = Survived(
            attempts=tally.attempts,
            retries=max(tally.attempts - len(self.plan.orders) - redriven, 0),
            workers_killed=killed,
            rescued=tally.rescued,
            dead=dead,
            redriven=redriven,
            still_dead=tally.dead,
            alerts_fired=self.monitor.alerts.fired,
            alerts_resolved=self.monitor.alerts.resolved,
            faults=_faults(msgspec.structs.asdict(stats)),
            seconds=round(self.monitor.seconds, 2),
            occurrences=kept,
        )
        return judge(self.plan.orders, ledger, survived, naive=self.plan.naive)

    async def enqueue(self) -> None:
        """Store a job for each order."""
        orders = self.plan.orders
        if not any(order.card.startswith(FAILING) for order in orders):
            await self.gateway.break_cards(_some_cards(orders, self.plan.seed))
        started = monotonic()
        stored = await self.app.aenqueue_many(jobs_of(self.charge, orders))
        await self.monitor.look()
        seconds = monotonic() - started
        self.monitor.report(f"{count(stored, 'charge')} enqueued in {seconds:.2f} s, one per order")

    async def start(self) -> None:
        """Start the workers and wait for the first charge."""
        for _ in range(self.plan.workers):
            await self._start_worker()
        await self.monitor.until(lambda: self._all_at_work() or not self.status.live)
        workers = count(self.plan.workers, "worker process", "worker processes")
        self.monitor.report(f"{workers} at work")
        if not self.plan.naive:
            self.monitor.report(f"a schedule: {NAME}, every half second, enqueued by any worker")

    async def kill(self) -> int:
        """Kill a worker half-way, wait for the rescue, and put another in its place."""
        monitor, processes = self.monitor, self.monitor.processes
        half = max(len(self.plan.orders) // 2, 1)
        await monitor.until(lambda: self._ripe(half) or not self.status.live)
        victim = processes.workers[0]
        held = (await monitor.shop_store.workers()).get(victim.pid)
        processes.kill(victim)
        jobs = count(held.running if held else 0, "job")
        monitor.report(f"kill -9 on {victim.name}, half-way, with {jobs} running", "bad")
        alone = self.plan.workers == 1
        if alone or self.plan.naive:
            await self._start_worker()
        if not self.plan.naive:
            await monitor.until(lambda: self._rescued() or not self.status.live, RESCUE_SECONDS_MAX)
        if monitor.rescued:
            who = processes.workers[1].name
            monitor.report(f"{who} noticed, and rescued {count(monitor.rescued, 'job')}", "good")
        if len(processes.workers) == self.plan.workers:
            await self._start_worker()
        monitor.report(f"{processes.workers[-1].name} started in its place")
        return 1

    async def finish(self) -> None:
        """Wait until every job has ended, and no request to the gateway is open."""
        await self.monitor.until(lambda: not self.status.live)
        if not self.plan.naive:
            return
        # The naive worker hides its work from the store, so the gateway's silence must do.
        silent_since = self.monitor.seconds
        while self.monitor.seconds - silent_since < QUIET_SECONDS:
            await self.monitor.until(lambda: True)
            if self.status.live or self.status.stats.inflight:
                silent_since = self.monitor.seconds
        done = count(self.status.counts.get(State.SUCCEEDED, 0), "job")
        self.monitor.report(f"the queue says: {done} succeeded, none failed", "good")

    async def redrive(self) -> tuple[int, int]:
        """Repair the cards and send the dead letters back."""
        dead = self.status.counts.get(State.DEAD, 0)
        if not dead:
            return 0, 0
        letters, monitor = count(dead, "dead letter"), self.monitor
        monitor.report(f"all others are charged; {letters}, each with its error kept", "bad")
        await monitor.until(lambda: monitor.alerts.fired > 0, ALERT_SECONDS_MAX)
        await monitor.pause()
        await self.gateway.repair()
        redriven = await monitor.shop_store.redrive()
        monitor.report(f"cards repaired, {count(redriven, 'dead letter')} redriven", "good")
        await monitor.until(lambda: not self.status.live)
        await monitor.until(lambda: monitor.alerts.resolved > 0, ALERT_SECONDS_MAX)
        return dead, redriven

    async def cash_up(self) -> Occurrences:
        """End the schedule, and see what became of each of its occurrences."""
        monitor, shop_store = self.monitor, self.monitor.shop_store
        await monitor.until(lambda: self.status.cash_ups > 0, CASH_SECONDS_MAX)
        standing = await shop_store.pause_schedule()
        end = monitor.seconds + CASH_SECONDS_MAX
        while await shop_store.cashing_up() and monitor.seconds < end:
            await monitor.until(lambda: True)
            await asyncio.sleep(LOOK_SECONDS)
        return occurrences(standing, await self.gateway.cash_ups(), await shop_store.history())

    def _all_at_work(self) -> bool:
        return self.status.charged > 0 and all(row.joined for row in self.status.workers)

    def _ripe(self, half: int) -> bool:
        return self.status.charged >= half and self.status.workers[0].running > 0

    def _rescued(self) -> bool:
        return self.monitor.rescued > 0

    async def _start_worker(self) -> None:
        await self.monitor.processes.start_worker(f"{self.plan.module}:app", SLOTS)


def _some_cards(orders: Sequence[Order], seed: int) -> list[str]:
    cards = sorted({order.card for order in orders})
    rng = random.Random(seed)  # noqa: S311 - chance, not secrets
    return rng.sample(cards, -(-len(cards) // FAILING_SHARE))


def _faults(stats: dict[str, int]) -> dict[str, int]:
    return {kind: stats[kind] for kind in ("errors", "stalls", "cuts", "declined", "replayed")}
