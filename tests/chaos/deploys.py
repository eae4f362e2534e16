"""Orderly ends under load: SIGTERM to one worker after another, as a deploy does."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos import orders
from tests.chaos.kills import feed, load, through
from tests.chaos.processes import Member, Processes, processes, until
from tests.chaos.verdict import Verdict, judge, tries

_MORE = 60


@dataclass
class Rolled:
    """What came of replacing every worker."""

    verdict: Verdict
    replaced: int
    codes: set[int]
    twice: int
    attempts: int
    left_running: int
    silence: float

    def table(self) -> dict[str, str]:
        return {
            "workers replaced": f"{self.replaced}, exit codes {sorted(self.codes)}",
            "lost / held": f"{len(self.verdict.lost)} / {self.verdict.held}",
            "jobs run twice": str(self.twice),
            "most attempts of a job": str(self.attempts),
            "left running by a worker that had ended": str(self.left_running),
            "longest time without a start": f"{self.silence:.2f} s",
        }


def rolling(folder: Path, jobs: int, *, rounds: int = 2, grace: str = "30s") -> Rolled:
    """Replace each of three workers, so many times round; the new one serves first."""
    codes, left = set(), 0
    with processes(folder, "-c", "10", "--grace", grace) as made:
        made.start(3)
        made.ready()
        load(made, jobs)
        until(lambda: made.ledger.read_text().count(" start ") >= 30, 30, "all slots are taken")
        for number in range(rounds * 3):
            leaving = made.workers[0]
            made.start()
            made.ready()
            # However long that took, there is work for all when one leaves.
            feed(made, list(orders.simple(1 + jobs + number * _MORE, _MORE, 0.2, 0.6)))
            until(partial(_works, made, leaving), 30, "the one that is to leave is at work")
            codes.add(made.stop(leaving))
            names = [f"%-{leaving.process.pid}-%"]
            text = "select count(*) from dutiful_job where state = 2 and worker like ?"
            left += made.sql(text, *names)[0][0]
        through(made, 60 + jobs / 20)
        runs = tries(made.lines())
        starts = sorted(one.start for each in runs.values() for one in each)
        return Rolled(
            judge(made),
            rounds * 3,
            codes,
            sum(sum(bool(one.end) for one in each) > 1 for each in runs.values()),
            int(made.sql("select max(attempt) from dutiful_job")[0][0]),
            left,
            max(after - before for before, after in itertools.pairwise(starts)) / 1e6,
        )


def _works(made: Processes, member: Member) -> bool:
    return member.identity in made.busy()
