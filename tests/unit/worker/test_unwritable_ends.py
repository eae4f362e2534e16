"""Ends that a store refuses in every form are counted as long as the worker holds their jobs."""

from dutiful.core.event import Event, OutcomeRefused
from dutiful.worker.unwritable_ends import UnwritableEnds

REFUSED = OutcomeRefused("1", "task", "too long")


def test_an_end_is_told_once_until_it_is_written() -> None:
    told: list[Event] = []
    ends = UnwritableEnds(told.append)
    for _ in range(2):
        ends.tell(REFUSED)
    assert told == [REFUSED]
    ends.forget(["1", "2"], rescued=True)
    assert "1" not in ends
    ends.tell(REFUSED)
    assert told == [REFUSED, REFUSED]


def test_an_end_is_given_up_after_some_tries_and_known_as_long_as_it_can_be_rescued() -> None:
    ends = UnwritableEnds(lambda event: None)
    assert ends.again("1")  # another session has locked it, which counts for nothing
    ends.tell(REFUSED)
    assert [ends.again("1") for _ in range(4)] == [True, True, True, False]
    ends.forget(["1"], rescued=True)
    assert ends.given_up() == {"1"}
    ends.forget(["1"], rescued=False)  # it comes back when its lease is over
    assert ends.given_up() == set()
