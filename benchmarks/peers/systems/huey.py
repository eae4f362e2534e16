"""Huey on SQLite. It has no call for a batch."""

import os

from huey import SqliteHuey
from marks import hit

huey = SqliteHuey(filename=os.environ["PEERS_URL"].removeprefix("sqlite:///"), results=False)


@huey.task()
def mark(number: int) -> None:
    hit(number)


def install() -> None:
    huey.storage.queue_size()


def open() -> None:
    pass


def enqueue(number: int) -> None:
    mark(number)


def work() -> None:
    huey.create_consumer(workers=1, worker_type="thread").run()
