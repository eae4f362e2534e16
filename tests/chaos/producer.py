"""``python -m tests.chaos.producer FIRST COUNT BATCH PAUSE AIMED``: enqueues a range of orders.

A batch is in the ledger as asked for before the call and as taken once it returned.
"""

from __future__ import annotations

import sys
import time

from dutiful.core.errors import EngineUnavailable, ReplyUnknown
from tests.chaos import orders
from tests.chaos.ledger import note, ticks
from tests.chaos.tasks import app


def main(first: int, count: int, batch: int, pause: float, aimed: int) -> None:
    """Enqueue batch after batch; one that a store in trouble refused is sent again, unchanged."""
    for start in range(first, first + count, batch):
        size = min(batch, first + count - start)
        jobs = list(orders.mixed(start, size, aimed))
        note("asked", start, size)
        began = ticks()
        while True:
            try:
                app.enqueue_jobs(jobs, patience=0)
                break
            except (EngineUnavailable, ReplyUnknown) as error:
                note("refused", start, size, more=f"{type(error).__name__}: {error}")
                time.sleep(0.2)
        note("took", start, size, more=str(ticks() - began))
        time.sleep(pause)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
