"""Makes spans by opentelemetry-api; without a configured SDK they are only carried along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from opentelemetry.context import attach, get_current
from opentelemetry.trace import (
    Link,
    SpanKind,
    TracerProvider,
    format_span_id,
    format_trace_id,
    get_current_span,
    get_tracer,
    set_span_in_context,
)

from dutiful.contract.release import release
from dutiful.core.job import Job, NewJob
from dutiful.core.text import worded

from .attributes import name, of_attempt, of_new, step_name
from .open_attempts import OpenAttempt, OpenAttempts
from .send_span import SendingSpan
from .span_context import below, carrying, headers_of, origin_of
from .step_span import StepSpan

Report = Callable[[str], None]


class OpenTelemetryTracer:
    """Implements `contract.tracer.Tracer`. For any thread.

    Whatever provider, sampler, processor or exporter raises is reported, once for each text, and
    nothing else follows from it.
    """

    def __init__(self, provider: TracerProvider | None, report: Report) -> None:
        """Use a provider, by default the global one, also if that is set later."""
        self._tracer = get_tracer("dutiful", release(), provider)
        self._report = report
        self._reported: set[str] = set()
        self.attempts = OpenAttempts(self._tracer, self._broke)

    def sending(self, jobs: Sequence[NewJob]) -> SendingSpan:
        """Begin the span of an enqueue."""
        return SendingSpan(self._tracer, jobs, self._broke)

    def created(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Give each job of an occurrence a trace of its own; those that have one keep it."""
        try:
            return [self._created(job) for job in jobs]
        except Exception as error:  # noqa: BLE001 - tracing must not cost an occurrence
            self._broke(error)
            return jobs

    def attempt(self, job: Job) -> OpenAttempt | None:
        """Begin the span of an attempt and make it current, in the present context."""
        try:
            return self._attempt(job)
        except Exception as error:  # noqa: BLE001 - tracing must not cost an attempt
            self._broke(error)
            return None

    def resume(self, headers: Mapping[str, str]) -> None:
        """Continue the span of an attempt that another process began, in the present context."""
        try:
            attach(below(origin_of(headers), get_current()))
        except Exception as error:  # noqa: BLE001 - tracing must not cost an attempt
            self._broke(error)

    def step(self, name: str, job: Job) -> StepSpan:
        """Return the span of a step, as a context manager."""
        shown = step_name(name, job)
        return StepSpan(self._tracer, f"step {shown}", {"dutiful.step": shown}, self._broke)

    def current(self) -> Mapping[str, str]:
        """Return ``trace_id`` and ``span_id`` of the current span."""
        try:
            context = get_current_span().get_span_context()
            if not context.is_valid:
                return {}
            trace_id, span_id = context.trace_id, context.span_id
            return {"trace_id": format_trace_id(trace_id), "span_id": format_span_id(span_id)}
        except Exception:  # noqa: BLE001 - it is asked for each log line, also for those of reports
            return {}

    def _attempt(self, job: Job) -> OpenAttempt:
        origin = origin_of(job.meta)
        span = self._tracer.start_span(
            f"process {name(job.task)}",
            below(origin),
            SpanKind.CONSUMER,
            of_attempt(job, "process"),
            () if origin is None else (Link(origin),),
        )
        opened = self.attempts.add(job, span)
        attach(set_span_in_context(span))
        return opened

    def _created(self, job: NewJob) -> NewJob:
        if origin_of(job.meta) is not None:
            return job
        asked = get_current_span().get_span_context()
        attributes = of_new(job, "create")
        if (schedule := job.meta.get("schedule")) is not None:
            attributes["dutiful.schedule"] = name(schedule)
        span = self._tracer.start_span(
            f"create {name(job.task)}",
            below(None),
            SpanKind.PRODUCER,
            attributes,
            (Link(asked),) if asked.is_valid else (),
        )
        span.end()
        return carrying(job, headers_of(span))

    def _broke(self, error: Exception) -> None:
        text = worded(error, 200)
        if text not in self._reported and len(self._reported) < 10:
            self._reported.add(text)
            self._report(f"tracing failed, and goes on: {text}")
