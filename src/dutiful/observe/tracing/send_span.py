"""The span of an enqueue, which ends when the store has answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType

from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer

from dutiful.contract.roles.producer import Receipt
from dutiful.core.job import NewJob
from dutiful.core.text import type_name

from .attributes import Attributes, name, of_new, operation, text
from .span_context import carrying, headers_of, origin_of

_LINKS_MAX = 100
Broke = Callable[[Exception], None]


class SendingSpan:
    """Wraps one call to the store; the context of its span goes into the jobs.

    Jobs that have a context already keep it, and the span links to that.
    """

    def __init__(self, tracer: Tracer, jobs: Sequence[NewJob], broke: Broke) -> None:
        """Begin the span; ``jobs`` are stored as they are where that fails."""
        self.jobs = jobs
        self._broke = broke
        self._span: Span | None = None
        try:
            self._begin(tracer, jobs)
        except Exception as error:  # noqa: BLE001 - tracing must not keep a job out of the store
            broke(error)

    def _begin(self, tracer: Tracer, jobs: Sequence[NewJob]) -> None:
        origins = [origin_of(job.meta) if job.meta else None for job in jobs]
        apart = {(one.trace_id, one.span_id): one for one in origins if one is not None}
        links = [Link(one) for one in apart.values()]
        own = None in origins
        # Its context is that in which jobs are created, unless all of them have one of their own.
        kind = SpanKind.PRODUCER if own else SpanKind.CLIENT
        word = f"send {name(jobs[0].task)}" if _alike(jobs, "task") else "send"
        span = tracer.start_span(word, None, kind, _attributes(jobs), links[:_LINKS_MAX])
        self._span = span
        if own:
            headers = headers_of(span)
            self.jobs = [
                carrying(job, headers) if origin is None else job
                for job, origin in zip(jobs, origins, strict=True)
            ]

    def stored(self, receipts: tuple[Receipt, ...]) -> tuple[Receipt, ...]:
        """Note what the store answered, and return it."""
        span = self._span
        if span is not None and len(receipts) == 1 and not receipts[0].created:
            try:
                span.set_attribute("messaging.message.id", text(receipts[0].id))
                span.set_attribute("dutiful.created", False)
            except Exception as error:  # noqa: BLE001 - the job is stored
                self._broke(error)
        return receipts

    def __enter__(self) -> SendingSpan:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the span, with the type of an error: its text may have a part of a URL."""
        span, self._span = self._span, None
        if span is None:
            return
        try:
            if error is not None:
                span.set_attribute("error.type", type_name(error))
                span.set_status(Status(StatusCode.ERROR))
            span.end()
        except Exception as fault:  # noqa: BLE001 - the job is stored, or the error is raised
            self._broke(fault)


def _attributes(jobs: Sequence[NewJob]) -> Attributes:
    if len(jobs) == 1:
        return of_new(jobs[0], "send")
    found = operation("send")
    found["messaging.batch.message_count"] = len(jobs)
    if _alike(jobs, "queue"):
        found["messaging.destination.name"] = name(jobs[0].queue)
    if _alike(jobs, "task"):
        found["dutiful.task"] = name(jobs[0].task)
    return found


def _alike(jobs: Sequence[NewJob], field: str) -> bool:
    first = getattr(jobs[0], field) if jobs else None
    return bool(jobs) and all(getattr(job, field) == first for job in jobs)
