"""Looks for what an engine that is broken on purpose does wrong, in a process of its own.

Hypothesis draws from the constants of every module that a process has imported. Here they are the
same in each run, and so are the examples: a hunt that has found a fault finds it again.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hypothesis import Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from dutiful.testing import FakeClock
from tests.conformance.model import EngineMachine
from tests.conformance.schedule_model import ScheduleMachine
from tests.conformance.test_model import MUTANTS, SCHEDULE_MUTANTS, STEPS

HUNT = settings(
    STEPS,
    max_examples=3000,  # it stops at the first that shows
    phases=[Phase.generate],
    database=None,
    print_blob=False,
)

SEEDS = {
    "CancelForgotten": 1,
    "FenceIgnored": 5,
    "HeldForgotten": 6,
    "HistoryGoesWithTheJob": 7,
    "LastStepWins": 1,
    "PauseIgnoredOnce": 7,
    "PriorityIgnored": 3,
    "RedriveBesidesHolder": 3,
    "ReleaseSpends": 4,
    "ToldAgain": 5,
    "UniqueForgetsRunning": 7,
}
"""With these a fault shows early. A change of the machines may let it show later."""


def main(name: str) -> int:
    """Hunt for the fault of a mutant, say after how many examples it showed; 1 if it did not."""
    mutant = {one.__name__: one for one in (*MUTANTS, *SCHEDULE_MUTANTS)}[name]
    examples = 0

    def build(folder: Path, clock: FakeClock) -> Any:
        nonlocal examples
        examples += 1
        return mutant(clock)

    parent = ScheduleMachine if mutant in SCHEDULE_MUTANTS else EngineMachine
    machine = seed(SEEDS.get(name, 0))(type("Machine", (parent,), {"build": staticmethod(build)}))
    try:
        run_state_machine_as_test(machine, settings=HUNT)
    except AssertionError:
        print(f"{name} shows after {examples} examples")
        return 0
    print(f"{name} does not show in {examples} examples")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
