"""Each occurrence of a schedule begins a trace, which all its attempts share."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from opentelemetry.trace import SpanKind, get_current_span

from dutiful import App, Backfill, Retry
from dutiful.testing import harness
from tests.tracing.spans import PARENT, Spans, attributes, carried, ids, is_below, links, parent
from tests.worker.support import serving, stored

AGAIN = Retry(max_attempts=2, delay=0, jitter="none")


def test_each_occurrence_has_a_trace_of_its_own(spans: Spans) -> None:
    app = App("memory://")
    seen: list[int] = []

    @app.every("1m", name="report")
    @app.task(retry=AGAIN)
    async def report() -> None:
        seen.append(get_current_span().get_span_context().trace_id)
        if len(seen) == 1:
            raise ValueError("try again")

    app.traces.export(spans.provider)
    with harness(app) as jobs:
        jobs.run_due(until="2m", schedules=True)
    created = spans.of("create report")
    processes = spans.of("process report")
    assert len(created) >= 2
    assert len(processes) == len(created) + 1
    assert all(parent(span) is None and span.links == () for span in created)
    assert len({ids(span)[0] for span in created}) == len(created)
    assert is_below(processes[0], created[0])
    assert is_below(processes[1], created[0])
    assert is_below(processes[2], created[1])
    assert created[0].kind is SpanKind.PRODUCER
    found = attributes(created[0])
    assert found.pop("messaging.message.id") == attributes(processes[0])["messaging.message.id"]
    assert found == {
        "messaging.system": "dutiful",
        "messaging.operation.name": "create",
        "messaging.operation.type": "create",
        "messaging.destination.name": "default",
        "dutiful.task": "report",
        "dutiful.schedule": "report",
    }


async def test_a_worker_traces_what_it_schedules(app: App, spans: Spans) -> None:
    @app.every("1s", name="report")
    @app.task
    async def report() -> None:
        ran.set()

    ran = asyncio.Event()
    with spans.tracer.start_as_current_span("startup"):
        async with serving(app):
            await ran.wait()
    assert is_below(spans.of("process report")[0], spans.of("create report")[0])
    assert parent(spans.of("create report")[0]) is None


async def test_one_that_is_run_by_hand_links_to_the_request(app: App, spans: Spans) -> None:
    @app.every("1d", name="report", anchor=datetime(2020, 1, 1, tzinfo=UTC))
    @app.task
    async def report() -> None: ...

    await app.schedules.adeclare()
    with spans.tracer.start_as_current_span("request"):
        handle = await app.schedules.arun("report")
        now = datetime.now(UTC)
        past = Backfill.between(now - timedelta(days=2), now, forgotten=True)
        await app.schedules.abackfill("report", past)
    request = ids(spans.one("request"))
    created = spans.of("create report")
    assert len(created) == 3
    assert [links(span) for span in created] == [[request]] * 3
    assert carried((await stored(app, handle.id)).meta) == ids(created[0])


async def test_a_schedule_that_names_a_trace_keeps_it(app: App, spans: Spans) -> None:
    @app.every("1d", name="report", meta={"traceparent": PARENT})
    @app.task
    async def report() -> None: ...

    await app.schedules.adeclare()
    handle = await app.schedules.arun("report")
    assert (await stored(app, handle.id)).meta["traceparent"] == PARENT
    assert spans.of("create report") == []
