"""What is measured, for every system in the same way.

A run is timed from the first job's start to the last one's, over a backlog that is already
stored. Processor time is counted from the first start until the store says that nothing is left.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databases import Database
from marks import CAPACITY, Tally, instants
from processes import Broken, Processes, Workers, tree_seconds
from roster import Entry

Figures = dict[str, Any]

PICKUPS = 100
GAP = 0.03
"""Seconds between two of them, on average."""
JOBS_MIN = 300
_LOOK = 0.01
_WARM_UP = 5
_SETTLE_SECONDS = 10.0
_QUIET_SECONDS = 10.0
_FIRST_SECONDS = 20.0


@dataclass(frozen=True)
class Sizes:
    """How long things may take."""

    seconds: float = 3.0
    """What one worker should take for a backlog; enqueueing is measured for a third of it each."""
    jobs_max: int = 200_000
    pickups: int = PICKUPS


class Bench:
    """All measurements of one system in one place."""

    def __init__(self, entry: Entry, python: Path, database: Database, folder: Path) -> None:
        """Prepare; call ``prepare`` next."""
        self.entry = entry
        self.jobs = 0
        self._database = database
        self._folder = folder / f"{entry.name}-work"
        self._folder.mkdir()
        self._processes = Processes(python, entry.module, self._folder)

    def prepare(self, sizes: Sizes) -> Figures:
        """Install the system, find out how fast its worker is, and store that backlog once."""
        told: Figures = self._processes.workload(self._database.make("installed"), "install")
        url = self._database.make("run", "installed")
        some = self._processes.workload(url, "fill", CAPACITY // 2, sizes.seconds / 3)["jobs"]
        probe = self._consume(url, 1, some, limit=sizes.seconds)
        # Storing the backlog may not take much longer than running it.
        storable = some * 3 * 2
        wanted = int(min(probe["per_s"] * sizes.seconds, storable, sizes.jobs_max))
        self.jobs = max(wanted, JOBS_MIN)
        filled = self._database.make("filled", "installed")
        stored = self._processes.workload(filled, "fill", self.jobs, 120)["jobs"]
        if stored != self.jobs:
            raise Broken(f"only {stored} of {self.jobs} jobs were stored in two minutes")
        return {**told, "jobs": self.jobs}

    def run(self, sizes: Sizes) -> Figures:
        """Measure everything once."""
        url = self._database.make("run", "installed")
        enqueued = self._processes.workload(url, "enqueue", sizes.seconds / 3)
        one = self._consume(self._database.make("run", "filled"), 1, self.jobs)
        two = self._consume(self._database.make("run", "filled"), 2, self.jobs)
        return {**enqueued, "consume": one, "consume_two": two, "pickup_ms": self._pickup(sizes)}

    def close(self) -> None:
        """Remove what was stored."""
        self._database.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _consume(self, url: str, workers: int, jobs: int, limit: float | None = None) -> Figures:
        """Drain a backlog; with a limit only for so many seconds, and without checking the end."""
        with self._stage() as marks, self._processes.workers(url, workers, marks) as processes:
            tally = Tally(marks)
            self._await(lambda: tally.count() > 0, processes, _FIRST_SECONDS, "start a job")
            before, at_first = self._cpu(processes), tally.count()
            done = self._watch(tally, processes, jobs, limit)
            if limit is not None:
                starts, _ = tally.starts(jobs)
                return {"per_s": _rate(starts)}
            left, cpu, settled = self._settled(url, processes, before)
            starts, repeated = tally.starts(jobs)
        ended = max(done - at_first, 1)
        return {
            "per_s": round(_rate(starts), 1),
            "worker_cpu_s_per_1000": round(cpu[0] * 1000 / ended, 4),
            "server_cpu_s_per_1000": round(cpu[1] * 1000 / ended, 4),
            "settled_s": round(max(settled - max(starts) / 1e9, 0), 3),
            "lost": starts.count(0),
            "repeated": repeated,
            "left": left,
        }

    def _watch(self, tally: Tally, processes: Workers, jobs: int, limit: float | None) -> int:
        """Wait until all have started, the time is up, or nothing starts any more."""
        begun = moved = time.monotonic()
        done = 0
        while done < jobs:
            processes.check()
            now, count = time.monotonic(), tally.count()
            if count != done:
                done, moved = count, now
            if now - moved > _QUIET_SECONDS or (limit is not None and now - begun > limit):
                break
            time.sleep(_LOOK)
        return done

    def _settled(
        self, url: str, processes: Workers, before: tuple[float, float]
    ) -> tuple[int, tuple[float, float], float]:
        """Wait until the store has nothing left; returns what is left, the cpu used, and when."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            after, now = self._cpu(processes), time.monotonic()
            left = self._database.count(url, self.entry.left)
            if left == 0 or now > deadline:
                return left, (after[0] - before[0], after[1] - before[1]), now
            time.sleep(_LOOK * 3)

    def _pickup(self, sizes: Sizes) -> list[float]:
        """Return how long an idle worker took to start each job, in milliseconds, sorted."""
        url = self._database.make("run", "installed")
        with self._stage() as marks, self._processes.workers(url, 1, marks) as processes:
            tally = Tally(marks)
            self._processes.workload(url, "fill", _WARM_UP, 5)
            self._await(
                lambda: tally.count() >= _WARM_UP, processes, _FIRST_SECONDS, "start five jobs"
            )
            # The producer is new: its own first jobs pay for its connections, and do not count.
            last = 2 * _WARM_UP + sizes.pickups
            self._processes.workload(url, "pickup", _WARM_UP, last, GAP, marks=marks)
            self._await(lambda: tally.count() >= last, processes, _SETTLE_SECONDS, "start each job")
            starts, _ = tally.starts(last)
        sent = instants(marks / "enqueued", last)
        return sorted(round((starts[n] - sent[n]) / 1e6, 2) for n in range(2 * _WARM_UP, last))

    def _cpu(self, processes: Workers) -> tuple[float, float]:
        server = self._database.server_pid()
        return processes.cpu_seconds(), tree_seconds(server) if server else 0.0

    def _await(
        self, met: Callable[[], bool], processes: Workers, seconds: float, what: str
    ) -> None:
        deadline = time.monotonic() + seconds
        while not met():
            processes.check()
            if time.monotonic() > deadline:
                raise Broken(f"the worker did not {what} in {seconds:.0f} s: {processes.words()}")
            time.sleep(_LOOK)

    @contextmanager
    def _stage(self) -> Generator[Path]:
        marks = self._folder / "marks"
        shutil.rmtree(marks, ignore_errors=True)
        marks.mkdir()
        yield marks


def _rate(starts: list[int]) -> float:
    """Return jobs a second from the first start to the last."""
    seen = [at for at in starts if at]
    return len(seen) / max((max(seen) - min(seen)) / 1e9, 1e-3)
