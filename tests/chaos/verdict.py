"""Reads the ledger and the store after a run, and says what was lost, doubled and how late."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.chaos.ledger import Line
from tests.chaos.orders import TRANSACTIONAL
from tests.chaos.processes import Processes

MOMENT = 500_000
"""Microseconds in which a worker that was told to die may still start something."""
UNEXCUSED = "run again though no worker died in them"

_FAILED = """
select json_extract(cast(job.args as text), '$.order'), failure.attempt, failure.type
from dutiful_failure as failure join dutiful_job as job using (seq)
where failure.type <> 'WorkerLost'
"""


@dataclass
class Try:
    """One start of an order's body."""

    task: str
    worker: str
    attempt: int
    start: int
    end: int = 0
    did: int = 0
    fell: bool = False
    failed: bool = False


@dataclass
class Verdict:
    """What a run came to; `faults` must be empty."""

    taken: int = 0
    unknown: int = 0
    kills: int = 0
    lost: list[int] = field(default_factory=list)
    held: int = 0
    unexcused: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    halves: list[int] = field(default_factory=list)
    cut: int = 0
    plain_repeats: int = 0
    finished_again: list[float] = field(default_factory=list)
    back: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    failing: bool = False
    states: dict[str, int] = field(default_factory=dict)
    points: Counter[str] = field(default_factory=Counter)

    def faults(self) -> dict[str, object]:
        """Return every promise that was broken, with the orders concerned."""
        found = {
            "lost": self.lost,
            "held": self.held,
            UNEXCUSED: self.unexcused,
            "charged under two keys": self.keys,
            "recorded steps run again": self.steps,
            "transactions doubled or missing": self.rows,
            "attempts failed": 0 if self.failing else self.failures.total(),
            "half a batch enqueued": self.halves,
            "not succeeded": self.states.get("dead", 0) + self.states.get("cancelled", 0),
        }
        return {name: value for name, value in found.items() if value}

    def table(self) -> dict[str, str]:
        """Return the figures as rows of a report."""
        return {
            "jobs through": f"{self.states.get('succeeded', 0):,} of {self.taken:,} taken",
            "kill -9": f"{self.kills} ({spelled(self.points)})",
            "jobs cut short by a kill": str(self.cut),
            "lost / held": f"{len(self.lost)} / {self.held}",
            "transaction rows doubled or missing": str(len(self.rows)),
            "charged under two keys": str(len(self.keys)),
            "recorded steps run again": str(len(self.steps)),
            "repeats without a death": str(len(self.unexcused)),
            "plain effects repeated": str(self.plain_repeats),
            "finished jobs run again": f"{len(self.finished_again)}; {self._lag()}",
            "start again after the kill": span(self.back),
        }

    def _lag(self) -> str:
        if not self.finished_again:
            return "none had ended before the kill"
        return f"ended at most {max(self.finished_again) * 1000:.0f} ms before the kill"


def span(seconds: list[float]) -> str:
    """Spell the middle and the worst of some times."""
    if not seconds:
        return "no case"
    middle, worst = statistics.median(seconds), max(seconds)
    return f"p50 {middle:.2f} s, max {worst:.2f} s ({len(seconds)} cases)"


def spelled(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.most_common())


def tries(lines: list[Line]) -> dict[int, list[Try]]:
    """Gather each order's starts, in time."""
    found: dict[int, list[Try]] = defaultdict(list)
    for line in lines:
        if line.what == "start":
            found[line.order].append(Try(line.more, line.worker, line.attempt, line.at))
            continue
        for one in reversed(found.get(line.order, ())):
            if (one.worker, one.attempt) == (line.worker, line.attempt):
                if line.what in ("end", "did"):
                    setattr(one, line.what, line.at)
                one.fell |= line.what == "fell"
                break
    return found


def judge(processes: Processes, *, failing: bool = False) -> Verdict:
    """Compare what was promised with what the ledger and the store say.

    ``failing`` says that attempts may fail here, which gives their jobs another.
    """
    lines = processes.lines()
    verdict = Verdict(states=processes.states(), held=processes.left(), failing=failing)
    failed = set(processes.sql(_FAILED))
    verdict.failures.update(kind for _, _, kind in failed)
    deaths: dict[str, int] = {}
    for line in lines:
        if line.what == "kill":
            deaths.setdefault(line.worker, line.at)
            # A worker of the crew; a producer's death is not a worker's.
            if line.worker.startswith("w"):
                verdict.kills += 1
                verdict.points[line.more if line.more != "-" else "at random"] += 1
    taken = _orders(lines, "took")
    asked = _orders(lines, "asked") - taken
    runs = tries(lines)
    verdict.taken, verdict.unknown = len(taken), len(asked)
    verdict.lost = sorted(order for order in taken if not any(t.end for t in runs.get(order, ())))
    for order, attempt, _ in failed:
        for one in runs.get(order, ()):
            one.failed |= one.attempt == attempt
    for order, each in runs.items():
        _repeats(verdict, order, each, deaths)
    _effects(verdict, lines, processes, runs)
    _batches(verdict, lines, taken, runs)
    return verdict


def _orders(lines: list[Line], what: str) -> set[int]:
    return {
        order
        for line in lines
        if line.what == what
        for order in range(line.order, line.order + line.attempt)
    }


def _repeats(verdict: Verdict, order: int, each: list[Try], deaths: dict[str, int]) -> None:
    for one, following in itertools.pairwise(each):
        # A job that kills its worker tells before; its neighbours have a moment left to start.
        died = deaths.get(one.worker, -MOMENT)
        if one.fell:
            verdict.cut += 1
        elif one.failed:
            continue
        elif died + MOMENT < one.start:
            verdict.unexcused.append(order)
        # The body of a transactional task ends before the commit, which settles it.
        elif one.end and one.task not in TRANSACTIONAL:
            verdict.finished_again.append(max(died - one.end, 0) / 1e6)
        else:
            verdict.cut += 1
            verdict.back.append((following.start - died) / 1e6)
    verdict.plain_repeats += sum(bool(one.did) for one in each) > 1


def _effects(
    verdict: Verdict, lines: list[Line], processes: Processes, runs: dict[int, list[Try]]
) -> None:
    keys: dict[int, set[str]] = defaultdict(set)
    recorded: dict[int, int] = {}
    for line in lines:
        if line.what == "recorded":
            recorded.setdefault(line.order, line.at)
        elif line.what == "charge":
            keys[line.order].add(line.more)
            if line.at > recorded.get(line.order, line.at):
                verdict.steps.append(line.order)
    verdict.keys = [order for order, found in keys.items() if len(found) > 1]
    rows = Counter(order for (order,) in processes.sql("select order_no from chaos_effect"))
    wanted = {order for order, each in runs.items() if each[0].task in TRANSACTIONAL}
    verdict.rows = sorted(order for order in wanted | set(rows) if rows[order] != 1)


def _batches(
    verdict: Verdict, lines: list[Line], taken: set[int], runs: dict[int, list[Try]]
) -> None:
    """A batch whose producer died is there as a whole or not at all."""
    for line in lines:
        if line.what == "asked" and line.order not in taken:
            ran = sum(order in runs for order in range(line.order, line.order + line.attempt))
            if ran not in (0, line.attempt):
                verdict.halves.append(line.order)
