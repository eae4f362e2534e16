"""What the demo shows at one moment: the monitor fills it in, the views draw it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from dutiful.core.state import State
from dutiful.demo.books import Stats
from dutiful.demo.processes import Condition
from dutiful.demo.verdict import Verdict

SAMPLE_SECONDS = 0.25
SAMPLES_MAX = 400


Tone = Literal["", "bad", "good"]


class WorkerLine(NamedTuple):
    """One worker process."""

    name: str
    pid: int
    condition: Condition
    joined: bool
    """Whether the store knows it."""
    running: int
    rescued: int = 0
    """How many of its jobs were taken over after its death."""


class StoryLine(NamedTuple):
    """One line of the story."""

    seconds: float
    text: str
    tone: Tone = ""


@dataclass
class DemoStatus:
    """The orders, the workers and the gateway at this moment, and what has happened so far."""

    orders: int
    naive: bool
    seconds: float = 0.0
    stats: Stats = field(default_factory=Stats)
    counts: dict[State, int] = field(default_factory=dict[State, int])
    workers: list[WorkerLine] = field(default_factory=list[WorkerLine])
    story: list[StoryLine] = field(default_factory=list[StoryLine])
    speeds: deque[float] = field(default_factory=lambda: deque[float](maxlen=SAMPLES_MAX))
    """Charges a second, sampled."""
    _sampled: tuple[float, int] = (0.0, 0)

    @property
    def charged(self) -> int:
        """Orders charged at least once."""
        return self.stats.orders_charged

    @property
    def cash_ups(self) -> int:
        """Occurrences of the schedule that the gateway has noted."""
        return self.stats.cash_ups

    @property
    def live(self) -> int:
        """Charges that have not ended."""
        return sum(count for state, count in self.counts.items() if not state.final)

    def sample(self) -> None:
        """Add to the speeds when it is time."""
        since, before = self._sampled
        if self.seconds - since >= SAMPLE_SECONDS:
            self.speeds.append((self.stats.charges - before) / (self.seconds - since))
            self._sampled = (self.seconds, self.stats.charges)

    @property
    def speed(self) -> float:
        """Charges a second over about the last second."""
        recent = list(self.speeds)[-4:]
        return sum(recent) / len(recent) if recent else 0.0


class View(Protocol):
    """Shows the status each time it changes, and the verdict at the end."""

    pause_seconds: float
    """How long the demo waits, in seconds, so that a reader sees where it stands."""

    def show(self, status: DemoStatus) -> None:
        """Draw the status."""
        ...

    def close(self) -> None:
        """Give the terminal back; harmless when called twice."""
        ...

    def conclude(self, status: DemoStatus, verdict: Verdict, folder: Path | None) -> None:
        """Draw the end; a folder that is kept is named."""
        ...
