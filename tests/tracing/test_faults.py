"""Whatever tracing meets costs no job anything: broken providers, exporters, hostile meta."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracer, Tracer

from dutiful import App, Context, Retry, Sensitive
from dutiful.core.errors import BadOption
from dutiful.core.event import Notice
from dutiful.core.trace_context import trace_context
from tests.tracing.spans import PARENT, TRACE, Spans, attributes, carried, ids, parent
from tests.worker.support import Events, burst, stored

ONCE = Retry(max_attempts=1)


class BrokenTracer(NoOpTracer):
    def start_span(self, *given: Any, **named: Any) -> Any:
        raise ConnectionError("no collector")


class BrokenProvider(TracerProvider):
    def get_tracer(self, *given: Any, **named: Any) -> Tracer:
        return BrokenTracer()


class BrokenProcessor(SpanProcessor):
    def on_start(self, span: Span, parent_context: Any = None) -> None: ...

    def on_end(self, span: ReadableSpan) -> None:
        raise ConnectionError("no collector")


class BrokenStart(SpanProcessor):
    def on_start(self, span: Span, parent_context: Any = None) -> None:
        raise ConnectionError("no collector")


class BrokenExporter(SpanExporter):
    def export(self, spans: Any) -> Any:
        raise ConnectionError("no collector")


def processed(processor: SpanProcessor) -> TracerProvider:
    made = TracerProvider()
    made.add_span_processor(processor)
    return made


FAULTS: dict[str, Callable[[], TracerProvider]] = {
    "provider": BrokenProvider,
    "start": lambda: processed(BrokenStart()),
    "end": lambda: processed(BrokenProcessor()),
    "exporter": lambda: processed(SimpleSpanProcessor(BrokenExporter())),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_library_that_raises_costs_no_job(tmp_path: Path, fault: str) -> None:
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    async with App(f"sqlite:///{tmp_path}/jobs.db") as app:
        events = Events(app)
        app.traces.export(FAULTS[fault]())

        @app.task(retry=ONCE)
        async def on_loop(ctx: Context) -> int:
            async def one() -> int:
                return 1

            return await ctx.step("one", one)

        @app.task(retry=ONCE)
        def in_thread(ctx: Context) -> int:
            return ctx.step("one", lambda: 1)

        @app.every("1d", name="report")
        @app.task(retry=ONCE)
        async def report() -> int:
            return 1

        await app.schedules.adeclare()
        handles = [await on_loop.aenqueue(), await in_thread.aenqueue()]
        handles.append(await app.schedules.arun("report"))
        many = [on_loop.job(), in_thread.job()]
        assert await app.aenqueue_many(many) == 2
        await burst(app)
        assert [await handle.aresult(timeout=1) for handle in handles] == [1, 1, 1]
        assert {(await stored(app, job.id)).state.word for job in many} == {"succeeded"}
        texts = [event.text for event in events.of(Notice)]
        assert len(texts) == len(set(texts)) == (0 if fault == "exporter" else 1)
        assert all("no collector" in text for text in texts)
    logging.getLogger("opentelemetry").setLevel(logging.NOTSET)


async def test_a_trace_that_is_not_sampled_is_carried_and_not_recorded(tmp_path: Path) -> None:
    spans = Spans()
    spans.provider.sampler = ALWAYS_OFF
    async with App(f"sqlite:///{tmp_path}/jobs.db") as app:
        app.traces.export(spans.provider)

        @app.task
        async def charge() -> None: ...

        handle = await charge.aenqueue()
        assert (await stored(app, handle.id)).meta["traceparent"][-1] in "02"
        await burst(app)
        assert spans.all() == ()


HOSTILE = st.one_of(
    st.text(max_size=600),
    st.from_regex(r"\A[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.{0,20}\Z"),
    st.from_regex(r"\A00-0{32}-[0-9a-f]{16}-01\Z"),
    st.just(PARENT),
)
STATES = st.one_of(
    st.text(max_size=600),
    st.from_regex(r"\A([a-z]{1,3}=[ -~]{1,5},?){1,40}\Z"),
    st.just("a" * 5_000),
)


@settings(max_examples=80)
@given(traceparent=HOSTILE, tracestate=STATES)
def test_no_text_in_a_jobs_meta_stops_it(traceparent: str, tracestate: str) -> None:
    spans = Spans()

    async def run() -> None:
        async with App("memory://") as app:
            notices = Events(app)
            app.traces.export(spans.provider)

            @app.task(retry=ONCE)
            async def charge() -> None: ...

            job = charge.job()
            job.meta["traceparent"], job.meta["tracestate"] = traceparent, tracestate
            tracer, app.hooks.tracer = app.hooks.tracer, None
            try:
                await app.aenqueue_jobs([job])  # as another program stores it
            except BadOption:
                return
            app.hooks.tracer = tracer
            await burst(app)
            assert (await stored(app, job.id)).state.word == "succeeded"
            origin = trace_context(job.meta)
            if origin is None or origin.flags & 1:
                process = spans.one("process charge")
                assert carried(job.meta) == (origin and (ids(process)[0], parent(process)))
            assert notices.of(Notice) == []

    asyncio.run(run())


async def test_secrets_are_in_no_span(app: App, spans: Spans) -> None:
    @app.task(retry=ONCE)
    async def charge(ctx: Context, card: Annotated[str, Sensitive]) -> None:
        async def fail() -> None:
            raise ValueError(f"card {card} is declined")

        await ctx.step(f"charge {card}", fail)

    await charge.aenqueue("4242424242")
    await burst(app)
    assert "4242424242" not in "".join(span.to_json() for span in spans.all())
    process = spans.one("process charge")
    [event] = process.events
    assert event.attributes == {
        "exception.type": "ValueError",
        "exception.message": "card *** is declined",
    }
    assert attributes(spans.one("step charge ***"))["error.type"] == "ValueError"


async def test_names_that_no_exporter_could_write_are_shown_printable(
    app: App, spans: Spans
) -> None:
    @app.task(name="send\u202e", retry=ONCE)
    async def send() -> None:
        raise ValueError("\ud800" + "x" * 10_000)

    await send.aenqueue()
    await burst(app)
    process = spans.one(r"process send\u202e")
    [event] = process.events
    text = str((event.attributes or {})["exception.message"])
    assert len(text) <= 1_000
    text.encode()
    assert TRACE not in text
