"""What goes wrong between a process and its store, and when."""

from __future__ import annotations

import random
from enum import StrEnum

HOUR = 3600.0


class Fault(StrEnum):
    """What becomes of one call, seen from the process that makes it."""

    UNAVAILABLE = "refused"
    """Nothing was written, and the caller is told so."""
    UNKNOWN_LOST = "reply unknown, not written"
    UNKNOWN_DONE = "reply unknown, written"
    KILL_BEFORE = "killed before the write"
    KILL_AFTER = "killed after the write"
    FREEZE_BEFORE = "frozen before the write"
    FREEZE_AFTER = "frozen after the write"
    STALL = "stalled"
    WAKE_LOST = "wake-up lost"
    WAKE_TWICE = "woken for nothing"


class Mishap(StrEnum):
    """What befalls a whole process, or a clock, at some moment."""

    KILL = "kill"
    KILL_SOON = "kill after a few steps"
    FREEZE = "freeze"
    FREEZE_SOON = "freeze after a few steps"
    STOP = "stop"
    HURRIED_STOP = "stop, twice"
    ROLL = "rolling restart"
    CLOCK = "a worker's clock steps"
    STORE_CLOCK = "the store's clock steps"
    OUTAGE = "the store is away"
    CUT = "one process is cut off from the store"


_RATES: dict[Fault, float] = {
    Fault.UNAVAILABLE: 0.03,
    Fault.UNKNOWN_LOST: 0.015,
    Fault.UNKNOWN_DONE: 0.03,
    Fault.KILL_BEFORE: 0.006,
    Fault.KILL_AFTER: 0.010,
    Fault.FREEZE_BEFORE: 0.003,
    Fault.FREEZE_AFTER: 0.005,
    Fault.STALL: 0.01,
    Fault.WAKE_LOST: 0.4,
    Fault.WAKE_TWICE: 0.1,
}
_DEADLY = frozenset({Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.FREEZE_BEFORE, Fault.FREEZE_AFTER})
_WAKES = frozenset({Fault.WAKE_LOST, Fault.WAKE_TWICE})
_QUIET_OPS = frozenset({"workers", "abandoned", "claimed", "get", "find", "errors", "queues"})
"""Reading changes nothing, so that its faults are rarer: most time goes to the writes."""


class Plan:
    """The faults of one seed: each seed has some kinds, at rates of its own, until a moment."""

    def __init__(self, rng: random.Random, until: float) -> None:
        self.until = until
        self.away_until = 0.0
        """Until then every call to the store fails."""
        self.cut: dict[str, float] = {}
        """Names of processes that cannot reach the store, and until when."""
        self.hangs = False
        """Whether calls to a store that cannot be reached hang, or are refused at once."""
        self._rng = rng
        harsh = rng.choice((0.0, 0.5, 1.0, 1.0, 2.0))
        self.rates = {
            fault: rate * harsh * rng.uniform(0.3, 1.7)
            for fault, rate in _RATES.items()
            if rng.random() < 0.6
        }
        kinds = [kind for kind in Mishap if rng.random() < 0.5]
        self.mishaps: tuple[Mishap, ...] = tuple(kinds)
        self.slow = rng.choice((0.0005, 0.003, 0.02))
        """The usual time of one way to the store, in seconds."""

    def active(self, now: float) -> bool:
        """Whether things still go wrong."""
        return now < self.until

    def quiet(self, now: float) -> None:
        """End every fault at once."""
        self.until = min(self.until, now)
        self.away_until = 0.0
        self.cut.clear()

    def latency(self) -> float:
        """Draw the time of one way."""
        return self.slow * (0.2 + self._rng.expovariate(1.0))

    def stall(self, node: str, now: float) -> float:
        """Draw the time of a way that takes long, now and then longer than a lease."""
        if self.hangs and (end := max(self.away_until, self.cut.get(node, 0.0))) > now:
            return end - now + self._rng.random()
        return self._rng.choice((0.3, 1.0, 3.0, 9.0, 14.0)) * self._rng.random()

    def frozen(self) -> float:
        """Draw for how long a process is stopped."""
        return self._rng.choice((0.2, 2.0, 9.0, 15.0)) * (0.5 + self._rng.random())

    def draw(self, op: str, now: float, node: str, mortal: bool) -> Fault | None:
        """Say what becomes of a call that starts now."""
        if now >= self.until:
            return None
        if now < self.away_until or now < self.cut.get(node, 0.0):
            stalls = self.hangs or self._rng.random() < 0.2
            return Fault.STALL if stalls else Fault.UNAVAILABLE
        scale = 0.2 if op in _QUIET_OPS else 1.0
        dice = self._rng.random() / scale
        for fault, rate in self.rates.items():
            if fault in _WAKES and op != "wait":
                continue
            if dice < rate:
                if fault in _DEADLY and not mortal:
                    return None
                if op == "wait" and fault not in _WAKES and fault is not Fault.UNAVAILABLE:
                    return None
                return fault
            dice -= rate
        return None
