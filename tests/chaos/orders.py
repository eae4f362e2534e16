"""Which order is a job of which task: by its number alone, so that the judge knows it too."""

from __future__ import annotations

import random
from collections.abc import Iterator

from dutiful.core.job import NewJob
from tests.chaos import tasks

_KINDS = (
    *("plain",) * 56,
    *("keyed",) * 20,
    *("threaded",) * 12,
    *("booked",) * 6,
    *("abooked",) * 5,
    "crunched",
)
_AIMS = (
    ("plain", "in a coroutine"),
    ("plain", "after the end"),
    ("keyed", "in a step"),
    ("keyed", "between a step and its settle"),
    ("threaded", "in a thread"),
    ("booked", "inside a transaction"),
    ("abooked", "inside a transaction"),
    ("crunched", "in a process task"),
    ("crunched", "the task's process"),
)
TRANSACTIONAL = ("booked", "abooked")


def kind(order: int, every: int) -> tuple[str, str]:
    """Return the task's name, and where one order in so many kills its worker."""
    if every and order % every == 0:
        return _AIMS[order // every % len(_AIMS)]
    return random.Random(order).choice(_KINDS), ""


def mixed(first: int, count: int, aimed_every: int) -> Iterator[NewJob]:
    """Build short orders of all kinds; every so many kinds in turn are aimed."""
    for order in range(first, first + count):
        name, aim = kind(order, aimed_every)
        yield tasks.app.tasks[name].job(order, random.Random(-order).uniform(0, 0.02), aim)


def simple(first: int, count: int, low: float, high: float) -> Iterator[NewJob]:
    """Build plain orders that take so long."""
    for order in range(first, first + count):
        seconds = random.Random(order).uniform(low, high)
        yield tasks.plain.job(order, seconds, "")
