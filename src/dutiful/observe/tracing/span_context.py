"""Contexts of spans: read from the meta of jobs and written to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    TraceState,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)

from dutiful.core.admission import META_BYTES_MAX
from dutiful.core.job import NewJob
from dutiful.core.trace_context import TRACEPARENT, TRACESTATE, TraceContext, trace_context

_ENTRIES = {TRACEPARENT, TRACESTATE}


def origin_of(meta: Mapping[str, Any]) -> SpanContext | None:
    """Return the context in which a job was created; None where its meta has none."""
    found = trace_context(meta)
    if found is None:
        return None
    return SpanContext(
        int(found.trace_id, 16),
        int(found.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(found.flags),
        trace_state=TraceState(found.state) if found.state else None,
    )


def below(origin: SpanContext | None, context: Context | None = None) -> Context:
    """Return a context with a span of another process as the current one, None for no span.

    It is ``context``, or an empty one, apart from that.
    """
    inner = Context() if context is None else context
    return inner if origin is None else set_span_in_context(NonRecordingSpan(origin), inner)


def headers_of(span: Span) -> dict[str, str]:
    """Return what carries a span's context to another process; nothing where it has none."""
    context = span.get_span_context()
    if not context.is_valid:
        return {}
    state = tuple(context.trace_state.items()) if context.trace_state else ()
    return TraceContext(
        format_trace_id(context.trace_id),
        format_span_id(context.span_id),
        int(context.trace_flags) & 0xFF,
        state,
    ).headers()


def carrying(job: NewJob, headers: Mapping[str, str]) -> NewJob:
    """Return a job with a context in its meta; unchanged where its meta has no room for it."""
    if not headers:
        return job
    kept = {name: text for name, text in job.meta.items() if name not in _ENTRIES}
    meta = {**kept, **headers}
    if kept and len(msgspec.json.encode(meta)) > META_BYTES_MAX:
        return job
    return msgspec.structs.replace(job, meta=meta)
