"""The spans that a test's exporter was given, and how they belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

from dutiful.core.trace_context import trace_context

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Spans:
    """A provider with an exporter that keeps everything."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("test")

    def all(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()

    def of(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all() if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        found = self.of(name)
        assert len(found) == 1, f"{name}: {[span.name for span in self.all()]}"
        return found[0]


def ids(span: ReadableSpan) -> tuple[str, str]:
    context = span.get_span_context()
    assert context is not None
    return format_trace_id(context.trace_id), format_span_id(context.span_id)


def parent(span: ReadableSpan) -> str | None:
    """Return the id of the parent; both are of one trace."""
    if span.parent is None:
        return None
    assert format_trace_id(span.parent.trace_id) == ids(span)[0]
    return format_span_id(span.parent.span_id)


def carried(meta: Mapping[str, str]) -> tuple[str, str] | None:
    """Return trace and span of the context in a job's meta."""
    found = trace_context(meta)
    return None if found is None else (found.trace_id, found.span_id)


def links(span: ReadableSpan) -> list[tuple[str, str]]:
    return [
        (format_trace_id(link.context.trace_id), format_span_id(link.context.span_id))
        for link in span.links
    ]


def is_below(child: ReadableSpan, upper: ReadableSpan) -> bool:
    return ids(child)[0] == ids(upper)[0] and parent(child) == ids(upper)[1]


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})
