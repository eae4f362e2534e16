"""What the spans of enqueues say, and the context that they put into jobs."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from dutiful import App, unique
from dutiful.core.admission import META_BYTES_MAX
from dutiful.core.errors import DuplicateJob
from dutiful.core.job import NewJob
from tests.tracing.spans import (
    PARENT,
    SPAN,
    TRACE,
    Spans,
    attributes,
    carried,
    ids,
    is_below,
    links,
    parent,
)
from tests.worker.support import burst, stored


async def test_a_job_carries_the_context_of_its_enqueue(app: App, spans: Spans) -> None:
    @app.task(queue="billing")
    async def charge(order: int, card: str) -> None: ...

    with spans.tracer.start_as_current_span("request"):
        handle = await charge.using(tags=["vip"], meta={"tenant": "acme"}).aenqueue(1, "4242")
        assert get_current_span().get_span_context().is_valid
    send, request = spans.one("send charge"), spans.one("request")
    assert is_below(send, request)
    assert send.kind is SpanKind.PRODUCER
    assert send.status.status_code is StatusCode.UNSET
    assert attributes(send) == {
        "messaging.system": "dutiful",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "billing",
        "messaging.message.id": handle.id,
        "dutiful.task": "charge",
    }
    meta = (await stored(app, handle.id)).meta
    assert meta.keys() == {"tenant", "traceparent"}
    assert carried(meta) == ids(send)


def test_sync_enqueues_do_the_same(tmp_path: Path, spans: Spans) -> None:
    app = App(f"sqlite:///{tmp_path}/jobs.db")
    app.traces.export(spans.provider)

    @app.task
    def charge(order: int) -> None: ...

    with spans.tracer.start_as_current_span("request"):
        one = charge.enqueue(1)
        app.enqueue_many((charge.job(order) for order in range(5)), batch=2)
        connection = sqlite3.connect(tmp_path / "jobs.db")
        two = charge.using(connection=connection).enqueue(2)
        connection.commit()
    request = spans.one("request")
    sends = spans.of("send charge")
    assert len(sends) == 5
    assert all(is_below(send, request) for send in sends)
    by_count = [attributes(send).get("messaging.batch.message_count") for send in sends]
    assert by_count == [None, 2, 2, None, None], "the last batch has one job"
    by_job = {attributes(send).get("messaging.message.id"): send for send in sends}
    for handle in (one, two):
        assert carried(app.portal.run(stored(app, handle.id)).meta) == ids(by_job[handle.id])
    asyncio.run(app.close())


async def test_a_batch_has_one_span_whose_context_is_in_each_job(app: App, spans: Spans) -> None:
    @app.task(queue="billing")
    async def charge(order: int) -> None: ...

    @app.task(queue="mails")
    async def mail(order: int) -> None: ...

    jobs = [charge.job(1), mail.job(2), charge.job(3)]
    await app.aenqueue_jobs(jobs)
    await app.aenqueue_many(charge.job(order) for order in range(3))
    mixed, same = spans.one("send"), spans.one("send charge")
    assert attributes(mixed) == {
        "messaging.system": "dutiful",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.batch.message_count": 3,
    }
    assert attributes(same)["messaging.destination.name"] == "billing"
    assert attributes(same)["dutiful.task"] == "charge"
    assert parent(mixed) is None
    for job in jobs:
        assert carried((await stored(app, job.id)).meta) == ids(mixed)


async def test_a_context_that_the_caller_gave_stays(app: App, spans: Spans) -> None:
    @app.task
    async def charge() -> None: ...

    given = {"traceparent": PARENT, "tracestate": "congo=t61rcWkgMzE"}
    with spans.tracer.start_as_current_span("request"):
        handle = await charge.using(meta=given).aenqueue()
    send = spans.one("send charge")
    assert (await stored(app, handle.id)).meta == given
    assert is_below(send, spans.one("request"))
    assert links(send) == [(TRACE, SPAN)]
    assert send.kind is SpanKind.CLIENT
    await burst(app)
    process = spans.one("process charge")
    assert (ids(process)[0], parent(process)) == (TRACE, SPAN)
    context = process.get_span_context()
    assert context is not None
    assert context.trace_state.to_header() == "congo=t61rcWkgMzE"


async def test_what_is_no_context_is_replaced(app: App, spans: Spans) -> None:
    @app.task
    async def charge() -> None: ...

    given = {"traceparent": "junk", "tracestate": "of=that", "tenant": "acme"}
    handle = await charge.using(meta=given).aenqueue()
    meta = (await stored(app, handle.id)).meta
    assert carried(meta) == ids(spans.one("send charge"))
    assert meta.keys() == {"traceparent", "tenant"}


async def test_a_meta_without_room_is_stored_as_it_is(app: App, spans: Spans) -> None:
    @app.task
    async def charge() -> None: ...

    given = {"note": "x" * (META_BYTES_MAX - len('{"note":""}'))}
    handle = await charge.using(meta=given).aenqueue()
    assert (await stored(app, handle.id)).meta == given
    await burst(app)
    assert attributes(spans.one("process charge"))["dutiful.outcome"] == "succeeded"


async def test_hooks_come_first(app: App, spans: Spans) -> None:
    @app.on_enqueue
    def route(job: NewJob) -> NewJob:
        return replace(job, queue="elsewhere", meta={"by": "the hook"})

    @app.task
    async def charge() -> None: ...

    handle = await charge.aenqueue()
    assert (await stored(app, handle.id)).meta.keys() == {"by", "traceparent"}
    assert attributes(spans.one("send charge"))["messaging.destination.name"] == "elsewhere"


async def test_a_job_that_is_there_already_is_named(app: App, spans: Spans) -> None:
    @app.task(unique="only")
    async def charge() -> None: ...

    first = await charge.aenqueue()
    await charge.aenqueue()
    found = [attributes(span) for span in spans.of("send charge")]
    assert [one["messaging.message.id"] for one in found] == [first.id, first.id]
    assert [one.get("dutiful.created") for one in found] == [None, False]


async def test_an_enqueue_that_fails_says_so_without_its_text(app: App, spans: Spans) -> None:
    @app.task(unique=unique("only", on_conflict="raise"))
    async def charge() -> None: ...

    await charge.aenqueue()
    with pytest.raises(DuplicateJob):
        await charge.aenqueue()
    failed = spans.of("send charge")[1]
    assert attributes(failed)["error.type"] == "DuplicateJob"
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description is None
    assert failed.events == ()


async def test_nothing_is_carried_where_nothing_is_traced(tmp_path: Path, spans: Spans) -> None:
    async with App(f"sqlite:///{tmp_path}/jobs.db") as app:

        @app.task
        async def charge() -> None: ...

        assert app.hooks.tracer is None
        with spans.tracer.start_as_current_span("request"):
            handle = await charge.aenqueue()
        assert (await stored(app, handle.id)).meta == {}
        app.traces.export()  # no provider is set: the API alone records nothing
        handle = await charge.aenqueue()
        assert (await stored(app, handle.id)).meta == {}
        with spans.tracer.start_as_current_span("request"):
            handle = await charge.aenqueue()
        request = spans.of("request")[1]
        assert carried((await stored(app, handle.id)).meta) == ids(request)
        await burst(app)
