"""A schedule that is made again under an old name has jobs of its own; a change keeps them."""

from typing import Any

import pytest
from msgspec.structs import replace

from dutiful.core.advance import begin, change, make
from dutiful.core.instant import DAY, HOUR, MINUTE
from dutiful.core.occurrence import Standing
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule, occurrence_id, read, written

START = 1_000 * DAY


def every(period: int = MINUTE, **fields: Any) -> Schedule:
    return replace(Schedule(name="s", task="t", rule=Interval(period)), **fields)


def job_id(standing: Standing) -> str:
    """Return the id of the job that the occurrence at START has."""
    job = make(read(standing.spec), START, None).job
    assert job is not None
    return job.id


def test_each_life_of_a_name_has_jobs_of_its_own() -> None:
    ids = [occurrence_id("s", START)]
    ids += [occurrence_id("s", START, born) for born in (0, 1, START)]
    ids += [job_id(begin(every(), born)) for born in (START - 1, START - 2)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("planned", "born", "text"),
    [
        (0, None, "00000000-0000-878f-92b0-20a091d8fcd1"),
        (-5, None, "00000000-0000-867d-9a3d-804167255366"),
        (1_767_225_600_001_000, None, "019b76da-a801-8370-b279-526567bb39d2"),
        (1_767_225_600_000_000, 7, "019b76da-a800-8348-b8a4-f371081cb3b6"),
        (2**48 * 1000 + 5_000, None, "00000000-0005-8366-91d2-2d3c7225d8cc"),
    ],
)
def test_every_release_gives_an_occurrence_the_same_id(
    planned: int, born: int | None, text: str
) -> None:
    """Workers of two releases would else run an occurrence twice."""
    assert occurrence_id("s", planned, born) == text


def test_a_schedule_of_an_older_release_keeps_its_ids() -> None:
    old = replace(begin(every(), START - HOUR), spec=written(every()))
    for changed in (change(old, every(HOUR), START), change(old, every(task="u"), START)):
        assert changed is not None
        assert read(changed.spec).born is None
        assert job_id(changed) == occurrence_id("s", START)


def test_a_spec_that_cannot_be_read_still_says_when_it_was_made() -> None:
    spec = b'{"name":"s","born":7,"rule":"of a later release"}'
    mended = change(replace(begin(every(), START - HOUR), spec=spec), every(), START)
    assert mended is not None
    assert read(mended.spec).born == 7
