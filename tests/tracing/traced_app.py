"""An app that a worker and its child processes import; all write their spans into one file."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import get_current_span

from dutiful import App, Context, Retry


class FileExporter(SpanExporter):
    """Appends a line for each span."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with open(os.environ["SPANS"], "a") as file:
            for span in spans:
                context, parent = span.get_span_context(), span.parent
                assert context is not None
                found = {
                    "name": span.name,
                    "trace": context.trace_id,
                    "span": context.span_id,
                    "parent": None if parent is None else parent.span_id,
                    "pid": os.getpid(),
                    "attributes": dict(span.attributes or {}),
                }
                file.write(json.dumps(found) + "\n")
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(FileExporter()))
app = App()
if os.environ.get("SDK", "yes") == "yes":
    app.traces.export(provider)
ONCE = Retry(max_attempts=1)


@app.task(cpu=True, retry=ONCE)
def crunch(ctx: Context) -> str:
    with provider.get_tracer("of the task").start_as_current_span("inner"):
        pass
    ctx.step("part", lambda: mail.enqueue().id)
    logging.getLogger("shop").warning("crunching")
    return f"{get_current_span().get_span_context().span_id:x}"


@app.task(cpu=True, retry=ONCE)
def look() -> str:
    return f"{get_current_span().get_span_context().span_id:x}"


@app.task(cpu=True, retry=ONCE)
def leave_open() -> None:
    provider.get_tracer("of the task").start_as_current_span("left open").__enter__()


@app.task(cpu=True, retry=Retry(max_attempts=2, delay=0, jitter="none"))
def die(ctx: Context) -> None:
    if ctx.attempt == 1:
        os._exit(9)


@app.task
def mail() -> None: ...
