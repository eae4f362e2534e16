"""``python -m tests.chaos.shop_producer RATE LEVEL``: enqueues orders of the app in versions.

The file LEVEL holds the highest version whose jobs may be enqueued now; without it, this ends.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

from dutiful.core.job import NewJob
from tests.chaos.ledger import note
from tests.chaos.versions import app

_KINDS = (
    *("plain",) * 58,
    *("keyed",) * 8,
    *("threaded",) * 12,
    *("booked",) * 6,
    *("abooked",) * 5,
    *("greeted",) * 4,
    *("paid",) * 4,
    *("crunched",) * 3,
)
_BATCH = 25
_LONG_EVERY = 400


def job(order: int, level: int) -> NewJob:
    """Build an order; its kind depends on its number, and on what the newest version knows."""
    rng = random.Random(order)
    if order % _LONG_EVERY == 1:
        return app.tasks["long"].job(order, 1.5)
    kind, seconds = rng.choice(_KINDS), rng.uniform(0, 0.01)
    if kind == "greeted" and level < 1:
        kind = "plain"
    more = {"currency": "chf"} if kind == "paid" and level >= 2 else {}
    return app.tasks[kind].job(order, seconds, **more)


def main(rate: float, path: Path) -> None:
    """Enqueue at a steady rate; a store that is slow for a moment is caught up with."""
    order, due = 1, time.monotonic()
    while path.exists():
        level = int(path.read_text() or 0)
        jobs = [job(number, level) for number in range(order, order + _BATCH)]
        note("asked", order, _BATCH)
        app.enqueue_jobs(jobs)
        note("took", order, _BATCH)
        order += _BATCH
        due += _BATCH / rate
        time.sleep(max(due - time.monotonic(), 0))


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]))
