"""FlexiQ on SQLite."""

import os

from flexiq import Queue
from marks import hit

# Two lines of log for each job would be measured too.
os.environ["FLEXIQ_LOG_LEVEL"] = "WARNING"

queue = Queue(
    db_path=os.environ["PEERS_URL"].removeprefix("sqlite:///"),
    workers=8,
    scheduler_poll_interval_ms=5,
    scheduler_batch_size=500,
)


@queue.task(name="mark")
def mark(number: int) -> None:
    hit(number)


def install() -> None:
    queue.stats()


def open() -> None:
    pass


def enqueue(number: int) -> None:
    mark.delay(number)


def enqueue_many(numbers: list[int]) -> None:
    mark.map([(number,) for number in numbers])


def work() -> None:
    queue.run_worker()
