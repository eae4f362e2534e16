"""A batch of successes is described once, and a batch that is mixed is not."""

from __future__ import annotations

import gc
import weakref

import pytest
from msgspec.structs import replace

from dutiful.core.event import Settled
from dutiful.core.job import Claim
from dutiful.core.settle import Settlement, succeed
from dutiful.core.state import State
from dutiful.core.successes import Successes, successes
from tests.unit.worker.parts import claim


def ended(name: str, started: int | None, at: int) -> Settlement:
    one = claim(name)
    return succeed(Claim(replace(one.job, started_at=started)), None, at)


def test_successes_of_one_task_are_added_up() -> None:
    items = (ended("1", 10, 15), ended("2", 10, 30), ended("3", 50, 50), ended("4", 50, 40))
    job = items[0].claim.job
    event = Settled("w", items)
    assert successes(event) == Successes(job.task, job.queue, 4, 2, 25, 20)
    assert successes(event) is successes(event)


@pytest.mark.parametrize(
    "odd",
    [
        replace(ended("2", 1, 2), state=State.DEAD),
        replace(ended("2", 1, 2), state=State.SCHEDULED),
        ended("2", None, 2),
        replace(ended("2", 1, 2), claim=Claim(replace(claim("2").job, task="other", started_at=1))),
        replace(
            ended("2", 1, 2), claim=Claim(replace(claim("2").job, queue="other", started_at=1))
        ),
    ],
)
def test_what_is_mixed_is_not_described(odd: Settlement) -> None:
    assert successes(Settled("w", (ended("1", 1, 2), odd))) is None


def test_nothing_is_described_of_nothing() -> None:
    assert successes(Settled("w", ())) is None


def test_the_jobs_are_not_kept() -> None:
    event = Settled("w", (ended("1", 1, 2),))
    successes(event)
    gone = weakref.ref(event)
    del event
    gc.collect()
    assert gone() is None
