"""An end is sent while its job's lease holds; after that it is reported as lost or unknown."""

from __future__ import annotations

from dutiful.core.event import ClaimsRefused, Event, SettlementsUnknown
from dutiful.core.settle import succeed
from dutiful.worker.end_deadline import EndDeadline
from tests.unit.worker.parts import claim

ENDS = [succeed(claim(job_id), None, 0) for job_id in "ab"]


def test_what_is_late_is_reported_once_and_not_sent() -> None:
    events, over = list[Event](), set[str]()
    ends = EndDeadline("w", ENDS, lambda one: one.job.id not in over, events.append)
    assert ends.left() == ENDS
    over.add("a")
    assert ends.left() == ENDS[1:]
    assert events == [ClaimsRefused("w", ("a",))]
    assert ends.left() == ENDS[1:]
    ends.doubted()
    over.add("b")
    assert ends.left() == []
    assert events[1:] == [SettlementsUnknown("w", ("b",))]
    assert ends.dropped == ("a", "b")


def test_a_store_that_refuses_what_is_stale_is_asked_at_any_time() -> None:
    events = list[Event]()
    ends = EndDeadline("w", ENDS, None, events.append)
    assert ends.left() == ENDS
    assert (events, ends.dropped) == ([], ())
