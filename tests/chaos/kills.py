"""Kills under load: workers and producers at random moments, and workers by their own jobs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from dutiful import App
from dutiful.core.job import NewJob
from tests.chaos import orders
from tests.chaos.processes import Member, Processes, processes, until
from tests.chaos.verdict import Verdict, judge

_PORTION = 5000
_BATCH = 50
_PAUSE = 0.01
_LEFT = """
select state, task, worker, attempt, run_at, started_at, count(*) from dutiful_job where state < 4
group by state, task, worker, attempt, run_at, started_at limit 20
"""
_FLEET = "select id, pid, lost, renewed_at from dutiful_worker"


class Supply:
    """Keeps producers at work until so many orders were taken, though they are killed."""

    def __init__(self, processes: Processes, jobs: int, producers: int, aimed_every: int) -> None:
        self._crew = processes
        self._missing = jobs
        self._next = 1
        self._most = producers
        self._aimed = aimed_every

    def tend(self) -> bool:
        """Replace producers that ended; True when all was taken."""
        for member in [one for one in self._crew.producers if one.code is not None]:
            assert member.code == 0, member.output()[-2000:]
            self._crew.forget(member)
        while self._missing > 0 and len(self._crew.producers) < self._most:
            size = min(self._missing, _PORTION)
            self._crew.produce(self._next, size, _BATCH, _PAUSE, self._aimed)
            self._next += size
            self._missing -= size
        return not self._crew.producers

    def kill(self, member: Member) -> None:
        """Kill a producer; what it had not enqueued yet is enqueued under other numbers."""
        self._crew.kill(member)
        took = sum(
            line.attempt
            for line in self._crew.lines()
            if line.what == "took" and line.worker == member.identity
        )
        self._missing += member.portion - took


def storm(
    folder: Path, jobs: int, *, every: float = 1.2, aimed_every: int = 1000, url: str = ""
) -> Verdict:
    """Kill workers and producers until so many jobs of all kinds are through.

    A worker is killed at work, and beside another: where a start takes longer than the time
    between two kills, no job would ever be done.
    """
    rng = random.Random(jobs)
    with processes(folder, "-c", "16", url=url) as made:
        supply = Supply(made, jobs, 2, aimed_every)
        made.start(3)
        kill_at, look_at = time.monotonic() + 2 * every, 0.0
        give_up = time.monotonic() + 120 + jobs / 50
        while True:
            fed, now = supply.tend(), time.monotonic()
            made.revive()
            assert now < give_up, f"{made.left()} jobs are left"
            if now >= kill_at:
                kill_at = now + every * rng.uniform(0.3, 1.7)
                if made.producers and rng.random() < 0.2:
                    supply.kill(rng.choice(made.producers))
                elif len(serving := [one for one in made.workers if one.serves]) > 1:
                    made.kill(rng.choice(serving))
                    made.start()
            if fed and now >= look_at:
                if made.left() == 0:
                    break
                look_at = now + 0.5
            time.sleep(0.02)
        made.revive()
        return judge(made)


def load(made: Processes, jobs: int, low: float = 0.2, high: float = 0.6) -> None:
    """Enqueue plain orders that take a while."""
    feed(made, list(orders.simple(1, jobs, low, high)))


def feed(made: Processes, jobs: list[NewJob]) -> None:
    """Enqueue built jobs from this process, and tell the ledger of each."""
    app = App(made.url)
    app.enqueue_many(jobs)
    asyncio.run(app.close())
    with made.ledger.open("a") as file:
        for job in jobs:
            order = msgspec.json.decode(job.args)["order"]
            file.write(f"1 asked {order} 1 runner -\n1 took {order} 1 runner -\n")


def through(made: Processes, seconds: float) -> None:
    """Wait until every job is in a final state."""
    told(made, lambda: made.left() == 0, seconds, "all jobs in a final state")


def told(made: Processes, ready: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for something; where it does not come, say which jobs are left, and who worked."""
    try:
        until(ready, seconds, what, 0.1)
    except AssertionError as error:
        for log in made.logs():
            print(log[-3000:])
        raise AssertionError(f"{error}: {made.sql(_LEFT)}, workers {made.sql(_FLEET)}") from None


def beside_peers(folder: Path, jobs: int = 1500, kills: int = 10) -> Verdict:
    """Three workers of ten slots; one killed every 2 s and restarted at once."""
    rng = random.Random(7)
    with processes(folder, "-c", "10") as made:
        load(made, jobs)
        made.start(3)
        until(lambda: made.ledger.read_text().count(" start ") >= 30, 30, "all slots are taken")
        for _ in range(kills):
            time.sleep(2)
            if made.left() == 0:
                break
            made.kill(rng.choice(made.workers))
            made.start()
        through(made, 60 + jobs / 20)
        return judge(made)


def supervised(folder: Path, jobs: int, kills: int) -> Verdict:
    """Kill children of one supervisor, which is to start others by itself."""
    rng = random.Random(5)
    with processes(folder, "-c", "10", "-p", "2") as made:
        made.start(1)
        # A child that starts later than the other might find nothing left.
        until(lambda: made.workers[0].output().count("serves") == 2, 30, "both children serve")
        load(made, jobs)
        for _ in range(kills):
            killed = {line.worker for line in made.lines() if line.what == "kill"}
            children = until(partial(busy, made, killed), 30, "two children at work")
            made.strike(rng.choice(children))
        through(made, 120)
        code = made.stop(made.workers[0])
        assert code == 0, code
        return judge(made)


def busy(made: Processes, killed: set[str]) -> list[str]:
    """Return the workers that are at jobs and were not killed, once there are two."""
    seen = made.busy().keys() - killed
    return sorted(seen) if len(seen) >= 2 else []
