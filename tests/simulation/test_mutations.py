"""Every bug that is put into production code is seen by the auditor."""

import pytest

from tests.simulation.planted import MUTATIONS, SEEDS_FILE, Mutation, first_seed

SEARCH = 1000
"""How many seeds are tried when the stored one no longer catches a bug."""


def stored() -> dict[str, int]:
    lines = SEEDS_FILE.read_text(encoding="utf-8").splitlines()
    return {name: int(seed) for name, seed in (line.split() for line in lines)}


def test_there_are_enough_of_them() -> None:
    assert len(MUTATIONS) >= 20
    assert set(stored()) == {bug.name for bug in MUTATIONS}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", MUTATIONS, ids=lambda bug: bug.name)
def test_mutation_is_caught(bug: Mutation) -> None:
    seed = stored()[bug.name]
    found, failure = first_seed(bug, [seed, *range(SEARCH)])
    assert found is not None, failure
