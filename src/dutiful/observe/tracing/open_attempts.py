"""The spans of attempts, from their start until the store has accepted how they ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import time_ns
from typing import Any, cast

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from dutiful.core import event as e
from dutiful.core.job import Job
from dutiful.core.settle import Settlement
from dutiful.core.state import State
from dutiful.observe.outcome_words import outcome_word

from .attributes import name, of_attempt, text
from .span_context import below, headers_of, origin_of

_OPEN_MAX = 10_000
"""Attempts whose end is never settled, because the store refuses it, are given up beyond this."""
_TAKEN = (e.Settled, e.ClaimsRefused, e.SettlementsUnknown, e.WorkerLeft)


class OpenAttempt:
    """The span of one attempt."""

    __slots__ = ("_stopped_at", "fence", "span", "worker")

    def __init__(self, span: Span, job: Job) -> None:
        """Keep what identifies the attempt."""
        self.span = span
        self.fence, self.worker = job.fence, job.worker
        self._stopped_at: int | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What another process needs to continue it."""
        return headers_of(self.span)

    def settled_by(self, item: Settlement) -> bool:
        """Whether a settlement is about this attempt.

        Where a broker delivers a running job to its worker again, the fence is a later one.
        """
        job = item.claim.job
        return job.fence == self.fence or (not item.rescue and job.worker == self.worker)

    def stop(self) -> None:
        """Note that the body has ended."""
        if self._stopped_at is None:
            self._stopped_at = time_ns()

    def end(self, outcome: str, item: Settlement | None = None) -> None:
        """End the span at the time when the body ended."""
        describe(self.span, outcome, item, self._stopped_at)
        self.span.end(self._stopped_at)


class OpenAttempts:
    """Ends spans by the events of the app's bus."""

    ignores: frozenset[type[Any]] = frozenset(cast(Any, e.Event).__args__) - {*_TAKEN}

    def __init__(self, tracer: Tracer, broke: Callable[[Exception], None]) -> None:
        """Begin with none; ``broke`` is called with what the tracing library raises."""
        self._tracer, self._broke = tracer, broke
        self._open: dict[str, OpenAttempt] = {}

    def add(self, job: Job, span: Span) -> OpenAttempt:
        """Keep a span; one of an earlier attempt of the job, which has lost it, ends."""
        if (before := self._open.pop(job.id, None)) is not None:
            self._end(before, "lost")
        while len(self._open) >= _OPEN_MAX:
            self._end(self._open.pop(next(iter(self._open))), "unsettled")
        made = self._open[job.id] = OpenAttempt(span, job)
        return made

    def take(self, event: e.Event) -> None:
        """Take an event of the bus."""
        match event:
            case e.Settled(settlements=settlements):
                for item in settlements:
                    self._settled(item)
            case e.ClaimsRefused(worker=worker, job_ids=ids):
                self._over(worker, ids, "lost")
            case e.SettlementsUnknown(worker=worker, job_ids=ids):
                self._over(worker, ids, "unknown")
            case e.WorkerLeft(worker=worker):
                found = [key for key, one in self._open.items() if one.worker == worker]
                self._over(worker, found, "unsettled")
            case _:
                pass

    def close(self) -> None:
        """End all spans that are still open."""
        while self._open:
            self._end(self._open.popitem()[1], "unsettled")

    def _settled(self, item: Settlement) -> None:
        job = item.claim.job
        outcome = outcome_word(item.state, item.reason, rescue=item.rescue)
        one = self._open.get(job.id)
        if one is not None and one.settled_by(item):
            del self._open[job.id]
            self._end(one, outcome, item)
        elif item.rescue or item.state is State.DEAD:
            self._without_body(item, outcome)

    def _over(self, worker: str, job_ids: Any, outcome: str) -> None:
        for job_id in job_ids:
            one = self._open.get(job_id)
            if one is not None and one.worker == worker:
                del self._open[job_id]
                self._end(one, outcome)

    def _end(self, one: OpenAttempt, outcome: str, item: Settlement | None = None) -> None:
        try:
            one.end(outcome, item)
        except Exception as error:  # noqa: BLE001 - tracing must not cost a job anything
            self._broke(error)

    def _without_body(self, item: Settlement, outcome: str) -> None:
        """Show an end that no body of this process has: a crash, an expiry, an unknown task."""
        job = item.claim.job
        try:
            span = self._tracer.start_span(
                f"settle {name(job.task)}",
                below(origin_of(job.meta)),
                SpanKind.INTERNAL,
                of_attempt(job, "settle"),
            )
            describe(span, outcome, item, None)
            span.end()
        except Exception as error:  # noqa: BLE001 - tracing must not cost a job anything
            self._broke(error)


def describe(span: Span, outcome: str, item: Settlement | None, at: int | None) -> None:
    """Say how an attempt ended; errors without the job's sensitive values, as the log has them."""
    span.set_attribute("dutiful.outcome", outcome)
    if item is None:
        return
    if item.state is State.DEAD and item.reason is not None:
        span.set_attribute("dutiful.reason", item.reason)
    if (error := item.error) is None:
        return
    kind = name(error.type)
    worded = {"exception.type": kind, "exception.message": text(error.message)}
    span.add_event("exception", worded, at)
    if item.state is not State.CANCELLED:
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR, kind))
