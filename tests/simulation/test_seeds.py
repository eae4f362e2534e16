"""The worlds of fixed seeds, of seeds that failed once, and of fresh ones hold every invariant."""

import hashlib
import os
import subprocess
import sys

import pytest

from tests.simulation.seeds import FIXED, Run, failed_before, words
from tests.simulation.world import live

SECONDS = float(
    os.environ.get("SIMULATE_SECONDS") or (60 if os.environ.get("CI") == "true" else 10)
)
PARTS = 10
pytestmark = pytest.mark.timeout(300)
HASH = """
import hashlib
from tests.simulation.world import live
print(hashlib.sha256(repr([live(seed).trace for seed in range(4)]).encode()).hexdigest())
"""


@pytest.mark.parametrize("part", range(PARTS))
def test_fixed_seeds(part: int) -> None:
    for seed in FIXED[part::PARTS]:
        story = live(seed)
        assert story.failure is None, words(story)


def test_seeds_that_failed_once() -> None:
    for seed in failed_before():
        story = live(seed)
        assert story.failure is None, words(story)


@pytest.mark.timeout(SECONDS + 60)
def test_fresh_seeds() -> None:
    run = Run(SECONDS)
    run.fresh(most=1)
    print(run.report())
    assert not run.failed, run.report()
    assert run.count


def test_a_long_world() -> None:
    story = live(1, long=True)
    assert story.failure is None, words(story)


def test_a_seed_tells_its_story_again() -> None:
    first, again, other = live(7), live(7), live(8)
    assert first.trace == again.trace
    assert (first.steps, first.seconds) == (again.steps, again.seconds)
    assert first.trace != other.trace


def test_a_seed_tells_its_story_in_every_process() -> None:
    reported = {
        subprocess.run(
            [sys.executable, "-c", HASH],
            env={**os.environ, "PYTHONHASHSEED": chance},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for chance in ("1", "2")
    }
    here = hashlib.sha256(repr([live(seed).trace for seed in range(4)]).encode()).hexdigest()
    assert reported == {f"{here}\n"}


def test_worlds_are_not_idle() -> None:
    """The faults do happen, people do interfere, and most jobs get through them."""
    missing = {
        "KILLED exchange: killed before the write",
        "KILLED exchange: killed after the write",
        "KILLED between two steps",
        "KILLED by its job",
        "KILLED commit",
        "FROZEN record_step",
        "exchange reply unknown, written",
        "enqueue reply unknown, written",
        "exits: stopped",
        "exits: recycled",
        " refused [",
        "commit job",
        "False",
        "=dead",
        "redrive ['job",
        "puts mine: True",
        "puts yours: False",
        "pause ('mine',): ('mine',)",
        "deletes ('yours',)",
        "advance reply unknown, written",
    }
    for seed in (127, *FIXED):  # in the first a worker is killed within a task's commit
        if not missing:
            return
        text = "\n".join(live(seed).lines())
        missing = {sign for sign in missing if sign not in text}
    assert not missing
