"""Deploys under load: each replaces three workers, one by one, by those of another version."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.ledger import Line
from tests.chaos.processes import Processes, processes
from tests.chaos.verdict import Verdict, judge, tries
from tests.chaos.versions import VERSIONS
from tests.until import wait_until

_WORKERS = 3
_STARTS = 180.0
"""Seconds for a start beside workers that take all of the processors."""
NEW = ("greeted", "paid")
"""Tasks whose jobs, or the arguments of whose jobs, older versions do not know."""
_STATES = """
select count(*) from dutiful_job where crashes > 0 or attempt <> 1 or state <> 4
"""


_ERRORS = """
select type, message from dutiful_failure where type <> 'BadPayload' limit 5
"""


@dataclass
class Delays:
    """How long jobs waited from the enqueue to their first start, in seconds."""

    known: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)
    rate: float = 0.0
    """Jobs that were enqueued in a second."""

    def spelled(self, found: Sequence[float]) -> str:
        if not found:
            return "no case"
        ordered = sorted(found)
        p50, p99 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.99))
        return f"p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {ordered[-1]:.2f} s"

    def at(self, share: float) -> float:
        """Return the delay below which such a share of the known tasks' jobs was."""
        return sorted(self.known)[int(len(self.known) * share)]


@dataclass
class Released:
    """What came of the deploys."""

    verdict: Verdict
    delays: Delays
    calm: Delays | None
    """The delays of a run without deploys."""
    deploys: int
    codes: Counter[int]
    stops: list[float]
    """Seconds from each SIGTERM to the end of the process."""
    spent: int
    """Jobs that are not succeeded in their first attempt, without a crash."""
    steps_twice: list[str]
    cut: int
    """How many times a stop interrupted a job before its effect, and another worker ran it."""
    parked: int
    twice: list[int]
    """Orders whose effect happened twice."""
    errors: list[tuple[object, ...]]
    """What failed attempts raised."""
    loads: tuple[float, float]
    """How many processes wanted a processor before the run and at its end; it needs some itself."""

    def faults(self) -> dict[str, object]:
        found = {
            **self.verdict.faults(),
            "exit codes": [code for code in self.codes if code],
            "attempts spent, crashes, or not succeeded": self.spent,
            "steps run twice": self.steps_twice,
            "effects doubled": self.twice,
            "errors": self.errors,
        }
        return {name: value for name, value in found.items() if value}

    def table(self) -> dict[str, str]:
        rows = {
            "jobs through": f"{self.verdict.states.get('succeeded', 0):,} of "
            f"{self.verdict.taken:,} taken, {self.delays.rate:.0f} a second",
            "deploys": f"{self.deploys} of {_WORKERS} workers, exit codes {dict(self.codes)}",
            "SIGTERM to exit": self.delays.spelled(self.stops),
            "attempts spent": str(self.spent),
            "effects or steps doubled": str(len(self.twice) + len(self.steps_twice)),
            "lost / held": f"{len(self.verdict.lost)} / {self.verdict.held}",
            "interrupted by a stop, and run again": str(self.cut),
            "start delay": self.delays.spelled(self.delays.known),
            f"start delay of {' and '.join(NEW)}": self.delays.spelled(self.delays.new),
            "jobs parked by an older version": str(self.parked),
        }
        if self.calm is not None:
            rows["start delay without deploys"] = self.calm.spelled(self.calm.known)
            rows["rate without deploys"] = f"{self.calm.rate:.0f} a second"
            added = [(self.delays.at(share) - self.calm.at(share)) * 1000 for share in (0.5, 0.99)]
            rows["added by deploys"] = f"p50 {added[0]:.0f} ms, p99 {added[1]:.0f} ms"
        rows["load of the machine, before and after"] = " / ".join(
            f"{load:.1f}" for load in self.loads
        )
        return rows


def releases(
    folder: Path,
    versions: Sequence[int],
    *,
    rate: float,
    url: str = "",
    calm_seconds: float = 0,
    calm_url: str = "",
    grace: str = "2s",
) -> Released:
    """Deploy the versions one after another while jobs are enqueued at a steady rate.

    The jobs of a new version are enqueued as soon as its first worker serves, so the older
    workers meet them; before a rollback that stops. The last version must be the newest.
    """
    assert versions[-1] == VERSIONS[-1]
    quiet, load = None, os.getloadavg()[0]
    if calm_seconds:
        (folder / "calm").mkdir()
        with _shop(folder / "calm", rate, calm_url, grace) as made:
            time.sleep(calm_seconds)
            _through(made)
            quiet = _delays(made.lines())
    codes, stops, at = Counter[int](), list[float](), 0
    with _shop(folder, rate, url, grace) as made:
        for version in versions:
            if version < at:
                _level(made, version)
            for _ in range(_WORKERS):
                leaving = made.workers[0]
                made.start(env={"VERSION": str(version)})
                made.ready(_STARTS)
                if version > at:
                    _level(made, version)
                began = time.monotonic()
                codes[made.stop(leaving)] += 1
                stops.append(time.monotonic() - began)
            at = version
        _through(made)
        return _judged(made, len(versions), codes, stops, quiet, load)


@contextmanager
def _shop(folder: Path, rate: float, url: str, grace: str) -> Iterator[Processes]:
    """Run three workers of the first version and a producer."""
    app = "tests.chaos.versions:app"
    with processes(folder, "-c", "16", "--grace", grace, app=app, url=url) as made:
        _level(made, 0)
        made.start(_WORKERS, env={"VERSION": str(VERSIONS[0])})
        made.ready(_STARTS)
        made.start_producer("tests.chaos.shop_producer", str(rate), str(folder / "level"))
        wait_until(lambda: made.states().get("succeeded"), 60, "the first job has ended")
        yield made


def _level(made: Processes, version: int) -> None:
    path = made.folder / "level.new"
    path.write_text(str(version))
    path.replace(made.folder / "level")


def _through(made: Processes) -> None:
    """End the producer, and wait until every job has ended."""
    (made.folder / "level").unlink()
    [producer] = made.producers
    assert producer.process.wait(60) == 0, producer.output()[-2000:]
    wait_until(lambda: made.left() == 0, 180, "all jobs have ended")


def _delays(lines: list[Line]) -> Delays:
    asked: dict[int, int] = {}
    for line in lines:
        if line.what == "asked":
            asked |= dict.fromkeys(range(line.order, line.order + line.attempt), line.at)
    found = Delays()
    for order, each in tries(lines).items():
        kind = found.new if each[0].task in NEW else found.known
        kind.append((each[0].start - asked[order]) / 1e6)
    times = sorted(asked.values())
    found.rate = len(times) / ((times[-1] - times[0]) / 1e6)
    return found


def _judged(
    made: Processes,
    deploys: int,
    codes: Counter[int],
    stops: list[float],
    calm: Delays | None,
    load: float,
) -> Released:
    lines, verdict = made.lines(), judge(made)
    runs = tries(lines)
    again = {order: each[:-1] for order, each in runs.items() if len(each) > 1}
    # A job that a stop interrupts runs again; only one that had had its effect must not.
    verdict.unexcused = [
        order for order in verdict.unexcused if any(one.did or one.end for one in again[order])
    ]
    did = Counter(line.order for line in lines if line.what in ("did", "charge"))
    keyed = {order for order, each in runs.items() if each[0].task == "keyed"}
    steps = Counter((line.order, line.more) for line in lines if line.what == "stepped")
    # The first time that arguments do not fit is kept as an error; it spends no attempt.
    verdict.failures.pop("BadPayload", None)
    logs = "".join(made.logs())
    return Released(
        verdict,
        _delays(lines),
        calm,
        deploys,
        codes,
        stops,
        int(made.sql(_STATES)[0][0]),
        [f"{order}: {step}" for (order, step), count in steps.items() if count > 1],
        sum(map(len, again.values())),
        logs.count("waits: this worker has no task") + logs.count("waits for other code"),
        [order for order, count in did.items() if count > 1 + (order in keyed)],
        made.sql(_ERRORS),
        (load, os.getloadavg()[0]),
    )
