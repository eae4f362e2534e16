"""Many writers on one file: workers and producers that all commit, for a while."""

from __future__ import annotations

import statistics
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.kills import through
from tests.chaos.processes import Processes, processes, until
from tests.chaos.verdict import Verdict, judge, tries


@dataclass
class Crowded:
    """How well everybody got on."""

    verdict: Verdict
    seconds: float
    locked: int
    troubles: int
    shares: dict[str, int]
    calls: dict[str, list[float]]

    def table(self) -> dict[str, str]:
        waits = sorted(wait for each in self.calls.values() for wait in each)
        return {
            "jobs": f"{len(self.shares)} workers did {sum(self.shares.values()):,} jobs",
            "for": f"{self.seconds:.0f} s",
            '"locked" in any log': str(self.locked),
            "troubles told of": str(self.troubles),
            "lost / held": f"{len(self.verdict.lost)} / {self.verdict.held}",
            "repeats": str(len(self.verdict.unexcused)),
            "jobs of a worker, fewest / most": (
                f"{min(self.shares.values()):,} / {max(self.shares.values()):,}"
            ),
            "enqueue calls of a producer, fewest / most": (
                f"{min(map(len, self.calls.values())):,} / {max(map(len, self.calls.values())):,}"
            ),
            "an enqueue call": (
                f"p50 {statistics.median(waits) * 1000:.1f} ms, "
                f"p99 {waits[int(len(waits) * 0.99)] * 1000:.0f} ms, max {waits[-1] * 1000:.0f} ms"
            ),
        }


def crowd(folder: Path, seconds: float, *, workers: int = 8, producers: int = 4) -> Crowded:
    """Let all work on one file; producers enqueue ten at a time until they are ended.

    The seconds count from when every process has come as far as its work.
    """
    with processes(folder, "-c", "4") as made:
        made.start(workers)
        for number in range(producers):
            # More orders than there is time for, with a breath between, so that no backlog grows.
            made.produce(1 + number * 10**7, 10**7, 10, 0.12, 0)
        made.ready()
        until(partial(_enqueue, made), 60, "every producer enqueues")
        time.sleep(seconds)
        for member in [*made.producers]:
            assert member.code is None, member.output()[-2000:]
            made.kill(member)
        through(made, 120)
        lines = made.lines()
        shares = Counter({member.identity: 0 for member in made.workers})
        shares.update(one.worker for each in tries(lines).values() for one in each)
        calls: dict[str, list[float]] = defaultdict(list)
        for line in lines:
            if line.what == "took":
                calls[line.worker].append(int(line.more) / 1e6)
        logs = [*made.logs()]
        return Crowded(
            judge(made),
            seconds,
            sum(text.count("locked") for text in logs),
            sum(text.count("the store cannot be used") for text in logs),
            dict(shares),
            calls,
        )


def _enqueue(made: Processes) -> bool:
    enqueued = {line.worker for line in made.lines() if line.what == "took"}
    return enqueued >= {member.identity for member in made.producers}
