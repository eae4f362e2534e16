"""What is wrong in a world that has alerters: a rule of the app, and sinks that fail sometimes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

from dutiful.client.alerting import Alerting
from dutiful.core.alerting.rule import Condition, Limit, Limits
from dutiful.core.alerting.sample import Sample
from dutiful.core.errors import NotSent
from dutiful.core.instant import SECOND
from dutiful.core.notification import Notification

from .alert_auditor import AlertAuditor
from .clocks import WorldClock
from .faults import Plan
from .loop import SimLoop

STORM, FLOOD, CALM = "storm", "flood", "calm"
FIRES_MAX = 60.0
"""Virtual seconds after the last fault by which an alert must fire."""
ENDS_MAX = 120.0
"""Virtual seconds by which it must then be resolved, and everything sent."""
LIMITS = Limits(spans={"clear_after": 3 * SECOND, "cooldown": 2 * SECOND})
_MAY_FIRE = frozenset(
    {"weather", "dead-letters", "jobs-expiring", "failure-ratio", "schedule-late"}
)
"""Jobs do fail and expire, and people delete schedules and pause them for a while."""
_AFTER_A_DEATH = frozenset({"worker-hung", "worker-lost"})


def has_alerters(seed: int) -> bool:
    """Whether the workers of a seed evaluate alerts: some do, since this costs steps."""
    return seed % 12 == 10


def is_calm(seed: int) -> bool:
    """Whether nothing goes wrong in such a world, so that no alert may fire unasked."""
    return seed % 24 == 10


class Weather:
    """Says what is wrong when, and judges what the alerters made of it."""

    def __init__(self, seed: int, loop: SimLoop, clock: WorldClock, plan: Plan, fail: Any) -> None:
        self._loop, self._clock, self._fail = loop, clock, fail
        self._rng = random.Random(seed ^ 0xA1E27)
        self.calm = is_calm(seed)
        if self.calm:
            plan.rates, plan.mishaps = {}, ()
        self.auditor = AlertAuditor(clock, fail)
        starts = self._rng.uniform(1, plan.until / 2)
        self._storm = (starts, starts + self._rng.uniform(3, plan.until / 2))
        self._floods = False
        self._quiet_at = 0.0
        self._failed: set[str] = set()
        self._harsh = 0.0 if self.calm else self._rng.choice((0.0, 0.2, 0.5))
        self._plan = plan

    def alerting(self) -> Alerting:
        """Return what the app of one process says about alerts."""
        made = Alerting()
        made.add_rule(self._check, "weather", None, Limit(hold=SECOND))
        made.add_sink(_SimSink("chat", self))
        made.add_sink(_SimSink("pager", self), escalation="4s")
        return made

    def _check(self, sample: Sample) -> Iterator[Condition]:
        now = self._loop.time()
        wrong = {
            STORM: self._storm[0] <= now < self._storm[1],
            FLOOD: self._floods,
            CALM: False,
        }
        for name, bad in wrong.items():
            yield Condition(subject=name, value=int(bad), title=f"the {name} is here")

    async def send(self, sink: str, notification: Notification) -> None:
        """Take a message after a while, or fail; each message fails once at most."""
        await asyncio.sleep(self._rng.random() * 0.5)
        bad = self._plan.active(self._loop.time()) and self._rng.random() < self._harsh
        if bad and notification.id not in self._failed:
            self._failed.add(notification.id)
            await asyncio.sleep(self._rng.choice((0, 2, 9)))
            raise NotSent("simulated: no answer")
        self.auditor.arrived(notification.id)

    def quiet(self) -> None:
        """Begin what must be noticed, now that nothing fails."""
        self._quiet_at = self._loop.time()
        self._floods = True

    async def judge(self, deaths: int) -> None:
        """Demand that the flood is announced, that its end is, and that all is sent."""
        auditor = self.auditor
        await self._until(
            lambda: f"weather/{FLOOD}" in auditor.fired.values(), FIRES_MAX, "no alert of the flood"
        )
        self._floods = False
        await self._until(lambda: not self._left(), ENDS_MAX, self._left)
        if lost := set(auditor.fired) - auditor.history - self._open():
            self._fail(f"alerts are in no history: {lost}")
        self._blame_quiet(deaths)

    def _open(self) -> set[str]:
        return {one.id for one in self.auditor.incidents.values() if one.state == "firing"}

    def _left(self) -> list[object]:
        """Return our own alerts that are not over, and messages that are not sent."""
        now, auditor = self._clock.now(), self.auditor
        found: list[object] = [
            one
            for one in auditor.incidents.values()
            if one.rule == "weather" and one.state != "resolved"
        ]
        # After a step of the store's clock, a further try may be planned for in an hour.
        later = {
            key
            for one in auditor.deliveries.values()
            if one.open and one.attempt and one.due_at > now + 60 * SECOND
            for key in one.keys
        }
        waiting = [one for one in auditor.deliveries.values() if one.open]
        return found + [one for one in waiting if not later.intersection(one.keys)]

    def _blame_quiet(self, deaths: int) -> None:
        if not self.calm:
            return
        rules = {key.partition("/")[0] for key in self.auditor.fired.values()}
        if more := rules - _MAY_FIRE - (_AFTER_A_DEATH if deaths else frozenset()):
            self._fail(f"alerts fired though nothing was wrong: {more}")
        twice = [one for one, count in self.auditor.received.items() if count > 1]
        if twice and not deaths:
            self._fail(f"messages arrived twice though nobody died: {twice}")

    def judge_counts(self, succeeded: int, deaths: int) -> None:
        """Compare the counts by minute with the jobs, where no worker died with some of them."""
        if self.calm and not deaths and self.auditor.counted != succeeded:
            self._fail(f"{self.auditor.counted} successes were counted, of {succeeded}")

    async def _until(self, done: Any, seconds: float, what: Any) -> None:
        end = self._loop.time() + seconds
        while not done():
            if self._loop.time() > end:
                self._fail(str(what() if callable(what) else what))
            await asyncio.sleep(0.5)


class _SimSink:
    """A sink in one process."""

    def __init__(self, name: str, weather: Weather) -> None:
        self.name, self._weather = name, weather

    async def send(self, notification: Notification) -> None:
        await self._weather.send(self.name, notification)
