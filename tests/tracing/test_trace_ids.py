"""Where people find a trace's id: log lines, `jobs show`, records."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from dutiful import App, Context, JobFields, Retry
from dutiful.cli.as_json import job as as_json
from dutiful.cli.card import as_screen
from dutiful.observe.formats import JsonLayout
from dutiful.observe.output import LogSetup, Output
from dutiful.worker.job_log import fields
from tests.tracing.spans import PARENT, TRACE, Spans, ids
from tests.worker.support import burst

ONCE = Retry(max_attempts=1)


class Lines(logging.Handler):
    """Keeps the JSON lines that a worker would write."""

    def __init__(self) -> None:
        super().__init__()
        self.output = Output(LogSetup("info", "json"), fields)
        self.found: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(json.loads(self.output.format(record)))


async def test_lines_of_a_task_name_trace_and_span(app: App, spans: Spans) -> None:
    log, lines = logging.getLogger("shop"), Lines()

    @app.task(retry=ONCE)
    async def on_loop(ctx: Context) -> None:
        log.warning("loop")
        await asyncio.to_thread(log.warning, "thread of the loop")

        async def inside() -> None:
            log.warning("step")

        await ctx.step("one", inside)

    @app.task(retry=ONCE)
    def in_thread() -> None:
        log.warning("thread")

    await on_loop.aenqueue()
    tracer, app.hooks.tracer = app.hooks.tracer, None
    await in_thread.aenqueue()  # without a context: its attempt begins a trace
    app.hooks.tracer = tracer
    log.addHandler(lines)
    try:
        await burst(app)
    finally:
        log.removeHandler(lines)
    by_text = {
        str(line["message"]): (line.get("trace_id"), line.get("span_id")) for line in lines.found
    }
    assert by_text == {
        "loop": ids(spans.one("process on_loop")),
        "thread of the loop": ids(spans.one("process on_loop")),
        "step": ids(spans.one("step one")),
        "thread": ids(spans.one("process in_thread")),
    }


async def test_lines_of_events_name_the_trace(app: App, spans: Spans) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]  # a handler in a line

    @app.task(retry=ONCE)
    async def fails() -> None:
        raise ValueError

    await fails.aenqueue()
    logging.getLogger("dutiful").addHandler(handler)
    try:
        await burst(app)
    finally:
        logging.getLogger("dutiful").removeHandler(handler)
    [died] = [vars(one) for one in records if vars(one).get("event_name") == "JobDied"]
    assert died["trace_id"] == ids(spans.one("process fails"))[0]
    line = json.loads(JsonLayout().format(logging.makeLogRecord(died)))
    assert line["trace_id"] == died["trace_id"]


async def test_records_and_screens_have_the_trace(tmp_path: Path) -> None:
    async with App(f"sqlite:///{tmp_path}/jobs.db") as app:

        @app.task
        async def charge() -> None: ...

        traced = await charge.using(meta={"traceparent": PARENT}).aenqueue()
        other = await charge.using(meta={"traceparent": "junk"}).aenqueue()
        one, two = [await app.jobs.aget(handle.id) for handle in (traced, other)]
        assert (one.trace_id, two.trace_id) == (TRACE, None)
        assert as_json(one)["trace_id"] == TRACE
        assert any(f"trace     {TRACE}" in str(part) for part in as_screen(one, (), {}))
        assert not any("  trace  " in str(part) for part in as_screen(two, (), {}))


def test_a_filter_outside_of_jobs_adds_nothing() -> None:
    record = logging.makeLogRecord({"msg": "outside"})
    assert JobFields().filter(record)
    assert not hasattr(record, "trace_id")
