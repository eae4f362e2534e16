"""Dutiful on PostgreSQL or SQLite, as the URL says; everything is a default."""

import os

from marks import hit

from dutiful import App
from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import serve

app = App(os.environ["PEERS_URL"])


@app.task(name="mark")
async def mark(number: int) -> None:
    hit(number)


async def install() -> None:
    async with app:
        pass


def open() -> None:
    pass


def enqueue(number: int) -> None:
    mark.enqueue(number)


def enqueue_many(numbers: list[int]) -> None:
    app.enqueue_many(mark.job(number) for number in numbers)


def work() -> None:
    serve(app, WorkerOptions())
