"""Watches everything a few times a second, so that each step can wait for what it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from dutiful.contract.roles.fleet import WorkerStatus
from dutiful.demo.gateway_client import GatewayClient
from dutiful.demo.processes import Processes, ShopProcess
from dutiful.demo.shop_store import ALERT, AlertCounts, ShopStore
from dutiful.demo.status import DemoStatus, StoryLine, Tone, View, WorkerLine

LOOK_SECONDS = 0.12


class Monitor:
    """Keeps the status up to date and shows it."""

    def __init__(
        self, status: DemoStatus, shop_store: ShopStore, processes: Processes, view: View
    ) -> None:
        """Begin the count of seconds."""
        self.status = status
        self.shop_store = shop_store
        self.processes = processes
        self.view = view
        self.gateway: GatewayClient | None = None
        self.rescued = 0
        self.alerts = AlertCounts()
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """How long the demo has run."""
        return monotonic() - self._began

    def report(self, text: str, tone: Tone = "") -> None:
        """Add a line to the story and show it."""
        self.status.seconds = self.seconds
        self.status.story.append(StoryLine(self.seconds, text, tone))
        self.view.show(self.status)

    async def look(self) -> None:
        """Ask everything once; raises ChildFailed when a process ended that should not have."""
        self.processes.check()
        status = self.status
        if self.gateway is not None:
            status.stats = await self.gateway.stats()
        status.counts = await self.shop_store.counts()
        if not status.naive:
            self._tell_alerts(await self.shop_store.alerts())
        known = await self.shop_store.workers()
        if any(child.killed for child in self.processes.workers):
            self.rescued = max(self.rescued, await self.shop_store.taken_over())
        status.workers = [
            self._row(child, known.get(child.pid)) for child in self.processes.workers
        ]
        status.seconds = self.seconds
        status.sample()
        self.view.show(status)

    def _tell_alerts(self, now: AlertCounts) -> None:
        """Report the alert when the workers fire it, and when they resolve it."""
        before, self.alerts = self.alerts, now
        if now.fired > before.fired:
            self.report(f"alert {ALERT} fires: charges became dead letters", "bad")
        if now.resolved > before.resolved:
            self.report(f"alert {ALERT} is resolved: no dead letter is left", "good")

    def _row(self, child: ShopProcess, known: WorkerStatus | None) -> WorkerLine:
        return WorkerLine(
            name=child.name,
            pid=child.pid,
            condition=child.condition,
            joined=known is not None,
            running=0 if known is None else known.running,
            rescued=self.rescued if child.killed else 0,
        )

    async def until(self, done: Callable[[], bool], seconds_max: float | None = None) -> bool:
        """Go on looking until something holds; False when the time given is over first."""
        started = self.seconds
        while True:
            await self.look()
            if done():
                return True
            if seconds_max is not None and self.seconds - started > seconds_max:
                return False
            await asyncio.sleep(LOOK_SECONDS)

    async def pause(self) -> None:
        """Wait as long as the view asks for, so that a reader sees where the demo stands."""
        if self.view.pause_seconds:
            await self.until(lambda: False, self.view.pause_seconds)
