"""Chance that a test chooses, and jobs to try rules on."""

from typing import Any

from msgspec.structs import replace

from dutiful.core.job import Claim, Job
from dutiful.core.state import State

ALMOST = 1 - 2**-53
"""The largest number that a source of chance gives."""


class Dice:
    """Shows the given numbers in turn, then the last one indefinitely."""

    def __init__(self, *shown: float) -> None:
        self.shown = list(shown)

    def random(self) -> float:
        return self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]


def running(**fields: Any) -> Claim:
    """Claim a job at instant 1000, on its first attempt of five."""
    job = Job(
        id="j",
        task="t",
        queue="default",
        state=State.RUNNING,
        priority=0,
        args=b"{}",
        attempt=1,
        max_attempts=5,
        enqueued_at=100,
        run_at=100,
        started_at=1000,
        fence=1,
        worker="w1",
    )
    return Claim(replace(job, **fields))
