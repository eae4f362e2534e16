"""Which seeds are run: fixed ones, those that failed once, and fresh ones until time is up."""

from __future__ import annotations

import random
import time
from pathlib import Path

from .mutations import SEEDS_FILE
from .store import MemoryStore, SimStore
from .world import Story, live

FIXED = range(120)
FAILED_FILE = Path(__file__).parent / "seeds.txt"
_FRESH_BITS = 40


def failed_before() -> list[int]:
    """Read every seed that ever failed; the rest of each line says why."""
    lines = FAILED_FILE.read_text(encoding="utf-8").splitlines()
    return [int(line.split()[0]) for line in lines if line and not line.startswith("#")]


def seeds_file(engine: str) -> Path:
    """Return where the seeds are kept that catch the bugs on an engine."""
    return SEEDS_FILE if engine == "memory" else SEEDS_FILE.with_stem(f"mutants-{engine}")


def words(story: Story, engine: str = "memory") -> str:
    """Say which seed failed, how, and how to see it again."""
    tail = "\n".join(story.lines()[-25:])
    return f"{tail}\n{story.failure}\nmake simulate ENGINE={engine} SEED={story.seed}"


class Run:
    """Fresh seeds for a number of seconds."""

    def __init__(
        self, seconds: float, store: SimStore | None = None, *, long: bool = False
    ) -> None:
        self.store = store or MemoryStore()
        self.seconds = seconds
        self.failed: list[Story] = []
        self.count = 0
        self.steps = 0
        self.virtual = 0.0
        self._long = long
        self._cpu = 0.0

    def fresh(self, most: int = 5) -> None:
        """Run seeds that nobody chose, and stop early after ``most`` failures."""
        chance = random.SystemRandom()
        started, cpu = time.monotonic(), time.process_time()
        while time.monotonic() - started < self.seconds and len(self.failed) < most:
            story = live(chance.getrandbits(_FRESH_BITS), self.store, long=self._long)
            self.count += 1
            self.steps += story.steps
            self.virtual += story.seconds
            if story.failure is not None:
                self.failed.append(story)
        self._cpu = time.process_time() - cpu

    def report(self) -> str:
        """Sum the run up."""
        lines = [words(story, self.store.name) for story in self.failed]
        rate = 60 * self.count / max(self._cpu, 1e-9)
        lines.append(
            f"{self.count} seeds, {len(self.failed)} failed; {rate:.0f} seeds per minute of one "
            f"core, {self.virtual / 3600:.1f} virtual hours, {self.steps} steps"
        )
        return "\n".join(lines)
