"""Workers that stop and come back: frozen past the lease, blocked by their own jobs."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import orders, tasks
from tests.chaos.kills import feed, load, through
from tests.chaos.ledger import Line
from tests.chaos.processes import Member, Processes, processes, until
from tests.chaos.verdict import UNEXCUSED, Verdict, judge, span, tries

_AT_THE_FIRST_LINE = 1
"""A freeze may fall between a worker's last look at its lease and the first line of a body.

No worker can close that gap; it is a few microseconds, so two jobs are never in it at once.
"""
_MORE = 120
_STANDING = "select 1 from dutiful_worker where pid = ? and not lost"
_HELD = """
select json_extract(cast(job.args as text), '$.order') from dutiful_job job
where state = 2 and worker in (select id from dutiful_worker where pid = ?)
"""


@dataclass
class Thawed:
    """What came of a freeze."""

    verdict: Verdict
    running: set[int]
    twice: set[int]
    ended_twice: int
    started_on_waking: list[int]
    back: list[float]
    caught_writing: int

    def faults(self) -> dict[str, object]:
        """Return what was broken: only jobs that it had begun and not settled may run twice."""
        found = self.verdict.faults()
        found.pop(UNEXCUSED, None)
        others = self.twice - self.running
        if others - set(self.started_on_waking) or len(others) > _AT_THE_FIRST_LINE:
            found["run twice though not running at the freeze"] = sorted(others)
        if not self.running:
            found["nothing ran in the worker that froze"] = True
        if len(self.started_on_waking) > _AT_THE_FIRST_LINE:
            found["started by the woken worker"] = self.started_on_waking
        return found

    def table(self) -> dict[str, str]:
        return {
            "running when it froze": str(len(self.running)),
            "started twice": f"{len(self.twice)}, others {len(self.twice - self.running)}",
            "ended twice": str(self.ended_twice),
            "started by the woken worker of what it held": str(len(self.started_on_waking)),
            "lost / held": f"{len(self.verdict.lost)} / {self.verdict.held}",
            "started elsewhere after the freeze": span(self.back),
            "freezes undone, since the write lock was caught": str(self.caught_writing),
        }


def frozen(folder: Path, jobs: int, *, lease: float, workers: int = 3, url: str = "") -> Thawed:
    """Freeze one worker for longer than its lease while the others go on, then wake it."""
    env = {"DUTIFUL_LEASE": f"{lease}s", "DUTIFUL_HEARTBEAT": f"{lease / 5}s"}
    with processes(folder, "-c", "10", env=env, url=url) as made:
        made.start(workers)
        made.ready()
        load(made, jobs)
        until(lambda: made.ledger.read_text().count(" start ") >= 40, 30, "all slots are taken")
        until(lambda: _at_work(made), 30, "every worker works")
        member, at, undone = _freeze(made, jobs, lease / 4)
        # A lost worker's row goes as soon as its jobs are taken back, so look for its absence.
        held = {int(order) for (order,) in made.sql(_HELD, member.process.pid)}
        until(lambda: not made.sql(_STANDING, member.process.pid), 10 * lease, "lost")
        time.sleep(lease / 2)
        woken = made.thaw(member)
        through(made, 120)
        time.sleep(2)  # for whatever the woken worker may still do
        return _compare(made, member, (at, woken), held, undone)


def _at_work(made: Processes) -> bool:
    started = {line.worker for line in made.lines() if line.what == "start"}
    return started >= {member.identity for member in made.workers}


def _freeze(made: Processes, jobs: int, seconds: float) -> tuple[Member, int, int]:
    """Freeze a worker that does not write at that moment: one that does holds up everybody.

    The others have so many seconds to show that they start jobs; these are fed, so that there
    are some. It must be less than what their own leases last.
    """
    for undone in range(20):
        member = made.workers[undone % len(made.workers)]
        feed(made, list(orders.simple(1 + jobs + undone * _MORE, _MORE, 0.2, 0.6)))
        until(lambda one=member: one.identity in made.busy(), 30, "it is at work")
        at = made.freeze(member)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if _others_start(made, member, at + 200_000):
                return member, at, undone
            time.sleep(0.02)
        made.thaw(member)
    raise AssertionError("no worker could be frozen while it did not write")


def _others_start(made: Processes, frozen: Member, since: int) -> bool:
    return any(
        line.what == "start" and line.at > since and line.worker != frozen.identity
        for line in made.lines()
    )


def _compare(
    made: Processes, member: Member, stopped: tuple[int, int], held: set[int], undone: int
) -> Thawed:
    at, woken = stopped
    runs = tries(made.lines())
    twice = {order for order, each in runs.items() if len(each) > 1}
    # One that had just ended counts, if the store had not heard of it: nobody else can know.
    begun = {one.order for one in made.lines() if _begins(one, member, at)}
    running = begun & held
    again: Counter[int] = Counter()
    back = []
    for order, each in runs.items():
        again[order] = sum(one.worker == member.identity and one.start > woken for one in each)
        if order in running and len(each) > 1:
            back.append((each[1].start - at) / 1e6)
    # After waking it may start what is new, under a new name; never what it held before.
    started = [order for order, number in again.items() if number and len(runs[order]) > 1]
    ended = sum(sum(bool(one.end) for one in each) > 1 for each in runs.values())
    return Thawed(judge(made), running, twice, ended, started, back, undone)


def _begins(line: Line, member: Member, at: int) -> bool:
    return line.what == "start" and line.worker == member.identity and line.at <= at


@dataclass
class Blocked:
    """What came of a job that held up its worker's loop."""

    verdict: Verdict
    starts: int
    longest: float
    crashes: int

    def table(self) -> dict[str, str]:
        return {
            "loop blocked for": f"{self.longest:.0f} s",
            "starts of the blocking job": str(self.starts),
            "jobs rescued": str(self.crashes),
            "repeats of any job": str(len(self.verdict.unexcused)),
            "lost / held": f"{len(self.verdict.lost)} / {self.verdict.held}",
        }


def blocked(folder: Path, *, lease: float, jobs: int = 200) -> Blocked:
    """Block one worker's loop for three leases, with neighbours who watch and work."""
    env = {"DUTIFUL_LEASE": f"{lease}s", "DUTIFUL_HEARTBEAT": f"{lease / 5}s"}
    with processes(folder, "-c", "10", env=env) as made:
        feed(made, [tasks.block.job(jobs + 1, 3 * lease)])
        made.start(1)
        until(lambda: " start " in made.ledger.read_text(), 30, "the blocking job has started")
        load(made, jobs, 0.05, 0.2)
        made.start(2)
        through(made, 60 + 6 * lease)
        each = tries(made.lines())[jobs + 1]
        (row,) = made.sql("select sum(crashes) from dutiful_job")
        return Blocked(judge(made), len(each), (each[-1].end - each[0].start) / 1e6, int(row[0]))
