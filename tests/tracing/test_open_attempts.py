"""Every span of an attempt ends, however the attempt does, and no other does."""

from __future__ import annotations

import contextvars

import pytest
from msgspec.structs import replace

from dutiful.core import event as e
from dutiful.core.job import Claim, Job
from dutiful.core.settle import Settlement, succeed
from dutiful.core.state import State
from dutiful.observe.tracing import open_attempts
from dutiful.observe.tracing.otel_tracer import OpenTelemetryTracer
from tests.tracing.spans import Spans, attributes

JOB = Job(
    id="j1",
    task="charge",
    queue="default",
    state=State.RUNNING,
    priority=0,
    args=b"{}",
    attempt=1,
    max_attempts=3,
    enqueued_at=0,
    run_at=0,
    fence=7,
    worker="w1",
)


def tracer(spans: Spans) -> OpenTelemetryTracer:
    def never(text: str) -> None:
        raise AssertionError(text)

    return OpenTelemetryTracer(spans.provider, never)


def begun(made: OpenTelemetryTracer, job: Job) -> None:
    """Begin an attempt in a context of its own."""
    opened = contextvars.copy_context().run(made.attempt, job)
    assert opened is not None
    opened.stop()


def outcomes(spans: Spans) -> list[object]:
    return [attributes(span)["dutiful.outcome"] for span in spans.all()]


def settled(job: Job, **changed: object) -> e.Settled:
    item: Settlement = replace(succeed(Claim(job), None, 0), **changed)
    return e.Settled(job.worker or "", (item,))


def test_another_worker_ends_no_span_of_this_one(spans: Spans) -> None:
    made = tracer(spans)
    begun(made, JOB)
    made.attempts.take(e.ClaimsRefused("w2", ("j1",)))
    made.attempts.take(settled(replace(JOB, fence=9, worker="w2")))
    made.attempts.take(e.WorkerLeft("w2", 0))
    assert spans.all() == ()
    made.attempts.take(settled(JOB))
    made.attempts.take(settled(JOB))
    assert outcomes(spans) == ["succeeded"]


def test_a_job_that_was_delivered_again_ends_with_the_later_claim(spans: Spans) -> None:
    made = tracer(spans)
    begun(made, JOB)
    made.attempts.take(settled(replace(JOB, fence=8)))
    assert outcomes(spans) == ["succeeded"]


def test_what_the_store_did_not_accept_is_lost_or_unknown(spans: Spans) -> None:
    made = tracer(spans)
    for event in (e.ClaimsRefused("w1", ("j1",)), e.SettlementsUnknown("w1", ("j1", "j2"))):
        begun(made, JOB)
        made.attempts.take(event)
    begun(made, JOB)
    begun(made, replace(JOB, fence=8, attempt=2))
    made.attempts.take(e.WorkerLeft("w1", 0))
    assert outcomes(spans) == ["lost", "unknown", "lost", "unsettled"]


def test_a_rescue_of_a_lost_worker_is_a_span_of_its_own(spans: Spans) -> None:
    made = tracer(spans)
    made.attempts.take(settled(JOB, state=State.QUEUED, rescue=True))
    made.attempts.take(settled(JOB, state=State.DEAD, rescue=True, reason="worker-lost"))
    assert [span.name for span in spans.all()] == ["settle charge"] * 2
    assert outcomes(spans) == ["rescued", "dead"]


def test_ends_that_never_come_are_given_up(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_attempts, "_OPEN_MAX", 3)
    made = tracer(spans)
    for number in range(5):
        begun(made, replace(JOB, id=f"j{number}"))
    assert outcomes(spans) == ["unsettled"] * 2
    made.attempts.close()
    assert len(spans.all()) == 5
