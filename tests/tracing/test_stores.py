"""The context stays with the job: in PostgreSQL and its SQL function, a broker, a copied store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from opentelemetry.trace import StatusCode

from dutiful import App, Context, Retry
from dutiful.services.copy_store import StoreCopy
from dutiful.testing.broker import PoorBroker
from tests.tracing.spans import PARENT, SPAN, TRACE, Spans, attributes, ids, is_below, parent
from tests.until import until
from tests.worker.support import burst, serving, stored

AGAIN = Retry(max_attempts=2, delay=0, jitter="none")
STATE = "rojo=00f067aa0ba902b7"


@pytest.fixture
async def on_postgres(postgres_url: str, spans: Spans) -> AsyncIterator[App]:
    async with App(postgres_url) as made:
        made.traces.export(spans.provider)
        yield made


async def test_postgresql_keeps_the_context_through_attempts_and_steps(
    on_postgres: App, spans: Spans
) -> None:
    @on_postgres.task(retry=AGAIN)
    async def charge(ctx: Context) -> None:
        async def reserve() -> None: ...

        await ctx.step("reserve", reserve)
        if ctx.attempt == 1:
            raise ValueError("declined")

    @on_postgres.task
    def mail(ctx: Context) -> None:
        with ctx.transaction() as connection:
            connection.execute("SELECT 1")

    await asyncio.gather(charge.aenqueue(), mail.aenqueue())
    await burst(on_postgres)
    send = spans.one("send charge")
    attempts = spans.of("process charge")
    assert all(is_below(one, send) for one in attempts)
    assert [attributes(one)["dutiful.outcome"] for one in attempts] == ["retried", "succeeded"]
    assert is_below(spans.one("step reserve"), attempts[0])
    assert is_below(spans.one("process mail"), spans.one("send mail"))


async def test_a_job_from_sql_continues_the_trace_in_its_meta(
    on_postgres: App, postgres_url: str, spans: Spans
) -> None:
    @on_postgres.task
    async def charge() -> None: ...

    url, _, schema = postgres_url.partition("?schema=")
    meta = json.dumps({"traceparent": PARENT, "tracestate": STATE})
    with psycopg.connect(url, autocommit=True) as connection:
        asked = f"SELECT {schema or 'dutiful'}.enqueue('charge', meta => %s)"
        connection.execute(asked.encode(), (meta,))
        connection.execute(asked.encode(), ('{"traceparent": "7", "tracestate": "7"}',))
    await burst(on_postgres)
    traced, other = sorted(spans.of("process charge"), key=lambda span: ids(span)[0] != TRACE)
    assert (ids(traced)[0], parent(traced)) == (TRACE, SPAN)
    context = traced.get_span_context()
    assert context is not None
    assert context.trace_state.to_header() == STATE
    assert parent(other) is None


async def test_the_poor_broker_keeps_it_too(spans: Spans) -> None:
    done = asyncio.Event()
    async with App(engine=PoorBroker()) as app:
        app.traces.export(spans.provider)

        @app.task(retry=AGAIN)
        async def charge(ctx: Context) -> None:
            if ctx.attempt == 1:
                raise ValueError("declined")
            done.set()

        with spans.tracer.start_as_current_span("request"):
            await app.aenqueue_many([charge.job()])
        async with serving(app):
            await done.wait()
            await until(lambda: len(spans.of("process charge")) == 2)
    assert is_below(spans.one("send charge"), spans.one("request"))
    assert all(is_below(one, spans.one("send charge")) for one in spans.of("process charge"))
    assert [attributes(one)["dutiful.attempt"] for one in spans.of("process charge")] == [1, 2]


async def test_a_copied_job_stays_in_its_trace(tmp_path: Path, spans: Spans) -> None:
    async with (
        App(f"sqlite:///{tmp_path}/old.db") as old,
        App(f"sqlite:///{tmp_path}/new.db") as new,
    ):
        for app in (old, new):
            app.traces.export(spans.provider)
            app.task(charge)
        handle = await old.tasks["charge"].aenqueue()
        await StoreCopy(old.store, new.store).pour()
        await new.queues.aresume("default")
        await burst(new)
        assert (await stored(new, handle.id)).state.word == "succeeded"
    assert is_below(spans.one("process charge"), spans.one("send charge"))


async def charge() -> None: ...


async def test_a_death_without_a_body_is_seen_in_the_trace(app: App, spans: Spans) -> None:
    @app.task
    async def late() -> None: ...

    with spans.tracer.start_as_current_span("request"):
        await late.using(expires_in=0.000_001).aenqueue()
    await asyncio.sleep(0.01)
    await burst(app)
    settle = spans.one("settle late")
    assert is_below(settle, spans.one("send late"))
    found = attributes(settle)
    assert (found["dutiful.outcome"], found["dutiful.reason"]) == ("dead", "expired")
    assert found["messaging.operation.name"] == "settle"
    assert settle.status.status_code is StatusCode.ERROR
    assert spans.of("process late") == []
