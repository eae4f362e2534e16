"""Looking at everything a few times a second, so that each step can wait for what it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from dutiful.contract.fleet import WorkerStatus
from dutiful.demo.crew import Child, Crew
from dutiful.demo.desk import Desk
from dutiful.demo.picture import Hand, Line, Picture, Tone, View
from dutiful.demo.visitor import Visitor

LOOK_SECONDS = 0.12


class Watch:
    """Keeps the picture up to date and shows it."""

    def __init__(self, picture: Picture, desk: Desk, crew: Crew, view: View) -> None:
        """Begin the count of seconds."""
        self.picture = picture
        self.desk = desk
        self.crew = crew
        self.view = view
        self.visitor: Visitor | None = None
        self.rescued = 0
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """How long the demo has run."""
        return monotonic() - self._began

    def tell(self, text: str, tone: Tone = "") -> None:
        """Add a line to the story and show it."""
        self.picture.seconds = self.seconds
        self.picture.story.append(Line(self.seconds, text, tone))
        self.view.show(self.picture)

    async def look(self) -> None:
        """Ask everybody once; raises ChildFailed when a process ended that should not have."""
        self.crew.check()
        picture = self.picture
        if self.visitor is not None:
            picture.stats = await self.visitor.stats()
        picture.counts = await self.desk.counts()
        known = await self.desk.workers()
        if any(child.killed for child in self.crew.workers):
            self.rescued = max(self.rescued, await self.desk.taken_over())
        picture.hands = [self._hand(child, known.get(child.pid)) for child in self.crew.workers]
        picture.seconds = self.seconds
        picture.sample()
        self.view.show(picture)

    def _hand(self, child: Child, known: WorkerStatus | None) -> Hand:
        return Hand(
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

    async def breathe(self) -> None:
        """Let a spectator see where the story stands."""
        if self.view.breath:
            await self.until(lambda: False, self.view.breath)
