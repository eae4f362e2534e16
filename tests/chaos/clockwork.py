"""Schedules of every second and every 100 ms, while workers and the store come and go."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dutiful import App
from dutiful.contract.capability import Capability
from tests.chaos.pace import Pace
from tests.chaos.processes import Member, Processes, processes, until
from tests.chaos.verdict import span

PERIODS = {"each-second": 1_000_000, "fast": 100_000}
LATE_MAX = 0.3
"""Seconds of lateness that nothing but a busy machine excuses, for 99 of 100 occurrences."""
_JOBS = "select id, meta, enqueued_at, state from dutiful_job where task = 'tick'"
_SUCCEEDED = 4
_MORE = 60
"""Seconds past the end in which what must happen to the workers may still happen."""


@dataclass
class Timetable:
    """What came of a run: each occurrence must have made exactly one job, and none be missing."""

    planned: dict[str, list[int]] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)
    late_in_outage: list[float] = field(default_factory=list)
    covered: list[float] = field(default_factory=list)
    """For each kill, the greatest lateness of what was planned in the second after it."""
    kills: int = 0
    freezes: int = 0
    restarts: int = 0
    undone: int = 0
    """Freezes of a worker that held SQLite's write lock, taken back at once."""
    unfinished: int = 0
    ran_again: int = 0
    late_max: float = LATE_MAX

    def faults(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, period in PERIODS.items():
            instants = self.planned.get(name, [])
            if twice := [at for at, count in Counter(instants).items() if count > 1]:
                found[f"{name}: instants with two jobs"] = twice
            whole = set(range(min(instants), max(instants) + 1, period)) if instants else {0}
            if missing := sorted(whole - set(instants)):
                found[f"{name}: instants without a job"] = missing
            if odd := sorted(set(instants) - whole):
                found[f"{name}: instants off the beat"] = odd
        if self.unfinished:
            found["jobs that did not end"] = self.unfinished
        if self.late and quantile(self.late, 0.99) > self.late_max:
            found["lateness, p99"] = quantile(self.late, 0.99)
        return found

    def table(self) -> dict[str, str]:
        made = sum(map(len, self.planned.values()))
        return {
            "occurrences": f"{made}, one job each, none missing",
            "kills, freezes, restarts": f"{self.kills}, {self.freezes}, {self.restarts}",
            "freezes undone, since the write lock was caught": str(self.undone),
            "lateness, p50 / p99 / max": (
                f"{quantile(self.late, 0.5):.3f} / {quantile(self.late, 0.99):.3f} / "
                f"{max(self.late, default=0):.3f} s"
            ),
            "lateness at most, in the second after a kill": span(self.covered),
            "lateness while the store was away": span(self.late_in_outage),
            "jobs that ran again after their worker died": str(self.ran_again),
        }


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def clockwork(
    folder: Path,
    seconds: float,
    *,
    url: str = "",
    workers: int = 8,
    restart: Callable[[], None] | None = None,
) -> Timetable:
    """Run for so long; ``restart`` crashes the store, twice in between."""
    found, rng = Timetable(), random.Random(11)
    options = ("-c", "4")
    with (
        Pace() as pace,
        processes(folder, *options, url=url, app="tests.chaos.timetable:app") as made,
    ):
        made.start(workers)
        until(lambda: made.ledger.exists(), 30, "the first occurrence has run")
        outages: list[tuple[int, int]] = []
        kills = _torment(made, found, rng, seconds, restart, outages, pace)
        made.ready()
        # Nobody schedules from here until the burst, which makes what has become due meanwhile.
        stopping = _wall()
        for member in list(made.workers):
            assert made.stop(member) == 0, member.output()[-2000:]
        outages.append((stopping, _wall() + 30_000_000))
        made.start(1, "--burst")
        until(lambda: made.workers[0].code is not None, 60, "the rest has run")
        _judge(made, found, kills, outages)
        found.late_max = pace.limit(LATE_MAX)
    return found


def _torment(
    made: Processes,
    found: Timetable,
    rng: random.Random,
    seconds: float,
    restart: Callable[[], None] | None,
    outages: list[tuple[int, int]],
    pace: Pace,
) -> list[int]:
    """Kill, freeze and restart until the time is over; return the wall times of the kills.

    It goes on until there was a kill and each restart. A kill leaves two workers that serve:
    without one, it is the machine's speed that decides how late an occurrence is.
    """
    end, kills = time.monotonic() + seconds, list[int]()
    restarts = [end - seconds * 2 / 3, end - seconds / 3] if restart else []
    frozen: dict[Member, float] = {}
    while (now := time.monotonic()) < end or restarts or not kills:
        assert now < end + _MORE, f"{len(kills)} kills, {len(restarts)} restarts are missing"
        time.sleep(rng.uniform(0.2, 0.8))
        if restart is not None and restarts and now > restarts[0]:
            restarts.pop(0)
            began = _wall()
            restart()
            outages.append((began, _wall() + int(pace.limit(2_000_000))))
            found.restarts += 1
        for member in [member for member, until_ in frozen.items() if until_ < now]:
            made.thaw(member)
            del frozen[member]
        able = [member for member in made.workers if member not in frozen and member.serves]
        if len(able) > 2 and rng.random() < 0.5:
            victim = rng.choice(able)
            kills.append(_wall())
            made.kill(victim, signal.SIGKILL)
            made.start(1)
            found.kills += 1
        elif len(able) > 4:
            victim = rng.choice(able)
            made.freeze(victim)
            if _holds_up(made):
                made.thaw(victim)
                found.undone += 1
                continue
            frozen[victim] = now + rng.uniform(1, 5)
            found.freezes += 1
    for member in frozen:
        made.thaw(member)
    return kills


def _judge(
    made: Processes, found: Timetable, kills: list[int], outages: list[tuple[int, int]]
) -> None:
    lateness: dict[int, float] = {}
    for _, meta, enqueued_at, state in made.sql(_JOBS):
        told = json.loads(meta)
        planned = int(told["planned"])
        found.planned.setdefault(told["schedule"], []).append(planned)
        late = (enqueued_at - planned) / 1e6
        lateness[planned] = max(late, lateness.get(planned, 0.0))
        away = any(start - 1_000_000 <= planned <= end for start, end in outages)
        (found.late_in_outage if away else found.late).append(late)
        found.unfinished += state != _SUCCEEDED
    for at in kills:
        after = [late for planned, late in lateness.items() if at <= planned <= at + 1_000_000]
        found.covered.append(max(after, default=0.0))
    runs = Counter((line.order, line.more) for line in made.lines() if line.what == "ran")
    found.ran_again = sum(count > 1 for count in runs.values())


def _holds_up(made: Processes) -> bool:
    """Whether the frozen worker keeps everybody from writing, which cannot be helped."""
    if not made.url.startswith("sqlite"):
        return False

    written = threading.Event()

    async def write() -> None:
        async with App(made.url) as app:
            await app.store.controller(Capability.PAUSE).resume("nobody")
            written.set()

    threading.Thread(target=lambda: asyncio.run(write()), daemon=True).start()
    return not written.wait(0.4)


def _wall() -> int:
    return time.time_ns() // 1000
