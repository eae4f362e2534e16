"""Which deadlines are missed, and what is told and noted of it."""

from __future__ import annotations

from msgspec.structs import replace

from dutiful.core.instant import DAY
from dutiful.core.occurrence import Recorded
from dutiful.core.overdue import BEGINNING, REPORTED, Overdue, ReviewRange, overdue, review
from dutiful.core.state import State

START = 1_000 * DAY
ROW = Recorded(
    schedule="s",
    planned=START,
    number=1,
    kind="enqueued",
    recorded_at=START,
    start_by=START + 10,
    finish_by=START + 20,
    state=State.QUEUED,
)


def test_overdue_names_each_deadline() -> None:
    assert overdue(ROW, START + 10) == ()
    assert overdue(ROW, START + 11) == ("start",)
    assert overdue(replace(ROW, started_at=START + 5), START + 21) == ("finish",)
    done = replace(ROW, started_at=START + 5, finished_at=START + 20, state=State.SUCCEEDED)
    assert overdue(done, START + 99) == ()
    assert overdue(replace(ROW, state=None), START + 99) == ()


def test_each_deadline_is_told_once_and_the_rest_left_for_the_next_review() -> None:
    done = replace(ROW, started_at=START + 15, finished_at=START + 30, state=State.SUCCEEDED)
    first = review([done], START + 40, 1)
    reported = replace(done, reported=("start",))
    assert first.overdue == (Overdue(reported, "start"),)
    (note,) = first.notes
    assert (note.occurrence, note.open) == (reported, True)
    second = review([reported], START + 40, 1)
    assert [one.what for one in second.overdue] == ["finish"]
    (note,) = second.notes
    assert (note.occurrence.reported, note.open) == (("start", "finish"), False)
    assert review([note.occurrence], START + 40, 1).overdue == ()


def test_of_a_job_that_lives_only_its_start_is_noted() -> None:
    running = replace(ROW, started_at=START + 5, finished_at=START + 6, state=State.SCHEDULED)
    (note,) = review([running], START + 7, 1).notes
    assert note.row() == (START + 5, None, None, REPORTED.index(()), True, "s", START)


def test_a_review_goes_on_where_the_last_one_ended() -> None:
    part = ReviewRange(("a", 1), ("c", 3))
    assert part.onward([("s", START)], 2) == ("c", 3)
    assert part.onward([("s", START)], 1) == ("s", START)
    assert ReviewRange(("a", 1)).onward([("s", START)], 2) == BEGINNING
