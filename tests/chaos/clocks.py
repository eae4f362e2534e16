"""Workers whose wall clocks are off: what is due, and who is silent, is not theirs to say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from dutiful.core.instant import SECOND
from tests.chaos import orders, tasks
from tests.chaos.kills import feed, through
from tests.chaos.ledger import ticks
from tests.chaos.processes import processes, until
from tests.chaos.verdict import Verdict, judge, tries

_LATER = 10_000
HOUR = 3600


@dataclass
class Skewed:
    """What came of clocks that are off."""

    verdict: Verdict
    workers: int
    waits: list[float]
    delay: float

    def faults(self) -> dict[str, object]:
        """Return what was broken."""
        found = self.verdict.faults()
        if self.workers < 3:
            found["workers that began jobs"] = self.workers
        if early := [seconds for seconds in self.waits if seconds < self.delay - 0.05]:
            found["begun too early"] = early
        return found

    def table(self) -> dict[str, str]:
        return {
            **self.verdict.table(),
            "delayed jobs": f"begun {min(self.waits) - self.delay:.2f} to "
            f"{max(self.waits) - self.delay:.2f} s after they were due ({len(self.waits)})",
        }


def skewed(folder: Path, url: str, jobs: int, *, delay: float = 3.0, lease: float = 2) -> Skewed:
    """Work with one clock an hour ahead, one an hour behind and one right; kill two of them."""
    env = {"DUTIFUL_LEASE": f"{lease}s", "DUTIFUL_HEARTBEAT": f"{lease / 5}s"}
    with processes(folder, "-c", "10", url=url, env=env) as made:
        ahead, behind = made.start_skewed(HOUR), made.start_skewed(-HOUR)
        made.start(1)
        # One that starts later than the others might find nothing left.
        made.ready()
        feed(made, list(orders.mixed(1, jobs, 0)))
        later = [tasks.plain.job(_LATER + number, 0.01, "") for number in range(30)]
        fed = ticks()
        feed(made, [msgspec.structs.replace(job, delay=int(delay * SECOND)) for job in later])
        identities = {member.identity for member in made.workers}
        until(
            lambda: {line.worker for line in made.lines() if line.what == "start"} >= identities,
            30,
            "all three work",
        )
        # Who judges the silence of the first is the other with a wrong clock, or the right one.
        made.kill(ahead)
        made.start_skewed(HOUR)
        until(lambda: made.left() < jobs // 2, 60, "half is done")
        made.kill(behind)
        made.start_skewed(-HOUR)
        through(made, 120)
        runs = tries(made.lines())
        began = [each[0].start for order, each in runs.items() if order >= _LATER]
        workers = len({one.worker for each in runs.values() for one in each})
        made.ready()
        assert all(made.stop(member) == 0 for member in list(made.workers))
        return Skewed(judge(made), workers, [(at - fed) / 1e6 for at in began], delay)
