"""Turning a request into the job that is stored."""

from typing import Any

from dutiful.core.job import Job, NewJob, stamp
from dutiful.core.state import LIVE, State, mask
from dutiful.core.unique import unique

NOW = 1000


def stamped(**fields: Any) -> Job:
    return stamp(NewJob(id="j", task="t", args=b"{}", **fields), NOW)


def test_a_job_due_now_is_queued() -> None:
    job = stamped()
    assert (job.state, job.run_at, job.enqueued_at) == (State.QUEUED, NOW, NOW)
    assert (job.attempt, job.crashes, job.fence) == (0, 0, 0)


def test_a_job_due_later_is_scheduled() -> None:
    assert stamped(delay=1).state is State.SCHEDULED
    assert stamped(delay=1).run_at == NOW + 1


def test_an_instant_wins_over_a_delay() -> None:
    job = stamped(delay=5, run_at=NOW + 1)
    assert (job.state, job.run_at) == (State.SCHEDULED, NOW + 1)


def test_an_instant_in_the_past_is_due_and_kept() -> None:
    assert (stamped(run_at=1).state, stamped(run_at=1).run_at) == (State.QUEUED, 1)
    assert stamped(run_at=NOW).state is State.QUEUED


def test_the_time_to_expire_counts_from_when_the_job_is_due() -> None:
    assert stamped().expires_at is None
    assert stamped(expires_in=5).expires_at == NOW + 5
    assert stamped(expires_in=5, delay=10).expires_at == NOW + 15
    assert stamped(expires_in=5, run_at=1).expires_at == NOW + 5


def test_a_unique_rule_becomes_a_key_and_a_mask() -> None:
    assert (stamped().unique_key, stamped().unique_states) == (None, 0)
    job = stamped(unique=unique("k", period=100))
    assert (job.unique_key, job.unique_states) == ("k\x1f100:10", mask((*LIVE, State.SUCCEEDED)))


def test_everything_else_is_kept() -> None:
    job = stamped(queue="q", priority=3, max_attempts=4, tags=("x",), meta={"k": "v"})
    assert (job.queue, job.priority, job.max_attempts) == ("q", 3, 4)
    assert (job.tags, job.meta, job.task, job.args) == (("x",), {"k": "v"}, "t", b"{}")
