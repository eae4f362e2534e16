"""Ends that cannot be written yet are kept, told once, and tried again ever more seldom."""

from __future__ import annotations

from dutiful.core.outcome import Succeeded
from dutiful.worker.delayed import HELD_MOST, Delayed, End
from tests.unit.worker.parts import claim

A, B, C = [(claim(job_id), Succeeded(b"null")) for job_id in "abc"]


class Kept:
    """Ends on a clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.delayed = Delayed(lambda: self.now)

    def again(self, *delayed: str, ends: list[End] | None = None) -> tuple[float | None, int]:
        """Try what is due, of which some is delayed again; return when to try, and how many."""
        self.now += self.delayed.due_in or 0
        tried = self.delayed.take() + (ends or [])
        self.delayed.keep(tried, delayed)
        return self.delayed.due_in, len(tried)


def test_nothing_is_due_without_ends() -> None:
    kept = Kept()
    assert kept.delayed.due_in is None
    assert not kept.delayed
    assert kept.delayed.take() == []
    assert kept.delayed.keep([A], ()) == ()
    assert not kept.delayed


def test_only_what_is_delayed_is_kept_and_given_out_when_it_is_due() -> None:
    kept = Kept()
    assert kept.delayed.keep([A, B, C], ("c", "a")) == ("a", "c")
    assert kept.delayed.ids() == {"a", "c"}
    kept.now += 0.25
    assert kept.delayed.due_in == 0.25
    assert kept.delayed.take() == []
    kept.now += 0.25
    assert kept.delayed.due_in == 0
    assert kept.delayed.take() == [A, C]
    assert (kept.delayed.take(), len(kept.delayed)) == ([], 0)


def test_what_stays_delayed_is_tried_ever_more_seldom() -> None:
    kept = Kept()
    kept.delayed.keep([A], ("a",))
    assert [kept.again("a") for _ in range(5)] == [(1, 1), (2, 1), (4, 1), (5, 1), (5, 1)]


def test_a_new_end_is_tried_as_soon_as_a_first() -> None:
    kept = Kept()
    kept.delayed.keep([A], ("a",))
    assert kept.again("a") == (1, 1)
    assert kept.again("a", "b", ends=[B]) == (0.5, 2)


def test_pauses_begin_anew_once_everything_is_written() -> None:
    kept = Kept()
    kept.delayed.keep([A], ("a",))
    assert kept.again("a") == (1, 1)
    assert kept.again() == (None, 1)
    assert kept.delayed.keep([A], ("a",)) == ("a",)  # it is told again, too
    assert kept.delayed.due_in == 0.5


def test_what_is_told_is_told_once_until_it_is_written() -> None:
    kept = Kept()
    assert kept.delayed.keep([A, B], ("a", "b")) == ("a", "b")
    kept.now += 1
    assert kept.delayed.keep(kept.delayed.take(), ("b",)) == ()
    assert kept.delayed.keep([A, C], ("a", "c")) == ("a", "c")
    assert kept.delayed.ids() == {"a", "b", "c"}


def test_other_ends_that_are_written_do_not_hurry_those_that_wait() -> None:
    kept = Kept()
    kept.delayed.keep([A], ("a",))
    assert kept.again("a") == (1, 1)
    assert kept.delayed.keep([B], ()) == ()
    assert kept.delayed.due_in == 1
    assert kept.again("a") == (2, 1)


def test_a_thousand_are_enough() -> None:
    kept = Kept()
    many = [(claim(str(number)), Succeeded(b"null")) for number in range(HELD_MOST)]
    kept.delayed.keep(many[1:], tuple(one.job.id for one, _ in many[1:]))
    assert not kept.delayed.full
    kept.delayed.keep(many[:1], ("0",))
    assert kept.delayed.full


def test_an_end_that_is_dropped_is_forgotten() -> None:
    """Its job may come back, and its next end is told again."""
    kept = Kept()
    assert kept.delayed.keep([A, B], ("a", "b")) == ("a", "b")
    kept.now += 1
    (one, other) = kept.delayed.take()
    kept.delayed.drop([one[0]])
    assert kept.delayed.keep([other], ()) == ()
    assert kept.delayed._reported == set()
    assert kept.delayed.keep([A], ("a",)) == ("a",)


def test_the_end_of_a_job_takes_up_a_newer_claim_of_it() -> None:
    kept = Kept()
    kept.delayed.keep([A, B], ("a", "b"))
    newer = claim("b")
    kept.delayed.adopt(newer)
    kept.now += 1
    (first, second) = kept.delayed.take()
    assert first == A
    assert second[0] is newer
    assert second[1] is B[1]
