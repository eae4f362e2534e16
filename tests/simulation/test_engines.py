"""The same worlds hold every invariant on a real SQLite file and a real PostgreSQL server."""

from collections.abc import Iterator

import pytest

from dutiful.contract.clock import SystemClock
from tests.simulation.planted import MUTATIONS, first_seed
from tests.simulation.seeds import Run, failed_before, seeds_file, words
from tests.simulation.store import SimStore, opened
from tests.simulation.world import live

pytestmark = pytest.mark.slow

FRESH_SECONDS = 8.0
SEARCH = 100
"""How many seeds are tried when the stored one no longer catches a bug."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[SimStore]:
    if request.param == "postgresql":
        # Says so where there is no server for this machine.
        request.getfixturevalue("postgres")
    with opened(request.param) as store:
        yield store


@pytest.mark.parametrize("seed", failed_before())
def test_seeds_that_failed_once(store: SimStore, seed: int) -> None:
    story = live(seed, store)
    assert story.failure is None, words(story, store.name)


def test_fresh_seeds(store: SimStore) -> None:
    run = Run(FRESH_SECONDS, store)
    run.fresh(most=1)
    print(run.report())
    assert not run.failed, run.report()
    assert run.count


@pytest.mark.timeout(300)
def test_a_seed_tells_its_story_again(store: SimStore) -> None:
    for seed in range(3):
        first, again = live(seed, store), live(seed, store)
        assert first.trace == again.trace
        assert (first.steps, first.seconds) == (again.steps, again.seconds)


def test_the_store_is_what_is_tried(store: SimStore) -> None:
    live(2, store)
    found = store.run(store.engine(SystemClock()).inspector.tally())
    assert found["enqueued"] == len(store.store_rows.jobs) > 10


@pytest.mark.timeout(300)
def test_bugs_in_what_all_engines_share_are_caught(store: SimStore) -> None:
    lines = seeds_file(store.name).read_text(encoding="utf-8").splitlines()
    stored = {name: int(seed) for name, seed in (line.split() for line in lines)}
    shared = [bug for bug in MUTATIONS if bug.everywhere and bug.name in stored]
    assert len(shared) == len(stored) >= 16
    for bug in shared:
        found, failure = first_seed(bug, [stored[bug.name], *range(SEARCH)], store)
        assert found is not None, f"{bug.name}: {failure}"
