"""What the spans of attempts and steps say, and how a trace goes on through a job's life."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from dutiful import App, Cancel, Context, Discard, Retry, Snooze
from tests.tracing.spans import PARENT, TRACE, Spans, attributes, ids, is_below, links, parent
from tests.worker.support import burst, queues, stored

ONCE = Retry(max_attempts=1)
AGAIN = Retry(max_attempts=3, delay=0, jitter="none")


async def test_an_attempt_is_below_its_enqueue_and_links_to_it(app: App, spans: Spans) -> None:
    @app.task(queue="billing")
    async def charge(order: int) -> None: ...

    handle = await charge.aenqueue(1)
    await burst(app, queues=queues("billing"))
    send, process = spans.one("send charge"), spans.one("process charge")
    assert is_below(process, send)
    assert links(process) == [ids(send)]
    assert process.kind is SpanKind.CONSUMER
    assert process.status.status_code is StatusCode.UNSET
    found = attributes(process)
    assert str(found.pop("messaging.client.id"))
    assert found == {
        "messaging.system": "dutiful",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "billing",
        "messaging.message.id": handle.id,
        "dutiful.task": "charge",
        "dutiful.attempt": 1,
        "dutiful.max_attempts": 20,
        "dutiful.outcome": "succeeded",
    }


@pytest.mark.parametrize("hooked", [False, True])
async def test_the_span_is_current_in_loops_threads_and_hooks(
    app: App, spans: Spans, hooked: bool
) -> None:
    seen: dict[str, int] = {}

    def see(where: str) -> None:
        seen[where] = get_current_span().get_span_context().span_id

    if hooked:

        @app.around_attempt
        async def around(ctx: Context, proceed: Callable[[], Awaitable[Any]]) -> Any:
            see(f"hook of {ctx.job.task}")
            return await proceed()

    @app.task(name="loop")
    async def on_loop() -> None:
        await asyncio.sleep(0)
        see("loop")
        await asyncio.to_thread(see, "thread of the loop")

    @app.task(name="thread")
    def in_thread() -> None:
        see("thread")

    await on_loop.aenqueue()
    await in_thread.aenqueue()
    await burst(app)
    loop, thread = (int(ids(spans.one(f"process {name}"))[1], 16) for name in ("loop", "thread"))
    expected = {"loop": loop, "thread of the loop": loop, "thread": thread}
    if hooked:
        expected |= {"hook of loop": loop, "hook of thread": thread}
    assert seen == expected
    assert not get_current_span().get_span_context().is_valid


async def test_no_attempt_sees_the_span_of_another(app: App, spans: Spans) -> None:
    seen: list[bool] = []

    @app.task
    async def on_loop(number: int) -> None:
        seen.append(get_current_span().get_span_context().is_valid)
        spans.tracer.start_as_current_span("left open").__enter__()
        await asyncio.sleep(0)

    @app.task
    def in_thread(number: int) -> None:
        seen.append(get_current_span().get_span_context().is_valid)
        spans.tracer.start_as_current_span("left open").__enter__()

    for number in range(5):
        await on_loop.aenqueue(number)
        await in_thread.aenqueue(number)
    await burst(app, concurrency=1)
    processes = [*spans.of("process on_loop"), *spans.of("process in_thread")]
    sends = {ids(send) for send in (*spans.of("send on_loop"), *spans.of("send in_thread"))}
    assert len(seen) == len(processes) == 10
    assert {(ids(one)[0], parent(one)) for one in processes} == sends
    app.hooks.tracer = None
    seen.clear()
    await on_loop.aenqueue(6)
    await in_thread.aenqueue(7)
    await burst(app, concurrency=1)
    assert seen == [False, False]


async def test_the_span_of_the_program_is_no_parent_of_jobs(app: App, spans: Spans) -> None:
    @app.task
    async def charge() -> str:
        return f"{get_current_span().get_span_context().trace_id:032x}"

    app_tracer, app.hooks.tracer = app.hooks.tracer, None
    handle = await charge.aenqueue()  # as another program, or SQL, enqueues
    app.hooks.tracer = app_tracer
    with spans.tracer.start_as_current_span("startup"):
        await burst(app)
    process = spans.one("process charge")
    assert parent(process) is None
    assert ids(process)[0] != ids(spans.one("startup"))[0]
    assert await handle.aresult(timeout=1) == ids(process)[0]
    assert links(process) == []


async def test_retries_steps_and_jobs_of_jobs_stay_in_the_trace(app: App, spans: Spans) -> None:
    @app.task(retry=AGAIN)
    async def order(ctx: Context) -> None:
        async def reserve() -> int:
            return get_current_span().get_span_context().span_id

        found = await ctx.step("reserve", reserve)
        if ctx.attempt == 1:
            raise ValueError("declined")

        async def notify() -> str:
            return (await mail.aenqueue(found)).id

        await ctx.step("notify", notify)

    @app.task
    def mail(number: int) -> None: ...

    with spans.tracer.start_as_current_span("request"):
        await order.aenqueue()
    await burst(app)
    first, second = spans.of("process order")
    send = spans.one("send order")
    assert is_below(first, send)
    assert is_below(second, send)
    assert [attributes(one)["dutiful.attempt"] for one in (first, second)] == [1, 2]
    assert [attributes(one)["dutiful.outcome"] for one in (first, second)] == [
        "retried",
        "succeeded",
    ]
    reserve, notify = spans.one("step reserve"), spans.one("step notify")
    assert is_below(reserve, first)
    assert is_below(notify, second)
    assert attributes(reserve) == {"dutiful.step": "reserve"}
    assert is_below(spans.one("send mail"), notify)
    assert is_below(spans.one("process mail"), spans.one("send mail"))
    assert {ids(span)[0] for span in spans.all()} == {ids(spans.one("request"))[0]}


async def test_sync_steps_are_spans(app: App, spans: Spans) -> None:
    @app.task(retry=ONCE)
    def order(ctx: Context) -> None:
        ctx.step("reserve", lambda: mail.enqueue().id)

        def snooze() -> None:
            raise Cancel("not needed")

        def fail() -> None:
            raise LookupError("4242")

        with pytest.raises(LookupError):
            ctx.step("fail", fail)
        ctx.step("cancel", snooze)

    @app.task
    def mail() -> None: ...

    await order.aenqueue()
    await burst(app)
    process = spans.one("process order")
    steps = [spans.one(f"step {name}") for name in ("reserve", "fail", "cancel")]
    assert all(is_below(step, process) for step in steps)
    assert is_below(spans.one("send mail"), steps[0])
    assert [step.status.status_code for step in steps] == [
        StatusCode.UNSET,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]
    assert attributes(steps[1])["error.type"] == "LookupError"
    assert "4242" not in str([step.to_json() for step in steps])


OUTCOMES: dict[str, tuple[Callable[[], object], str, str | None]] = {
    "retry": (lambda: Retry(after=60), "retried", "Retry"),
    "error": (lambda: ValueError("declined"), "retried", "ValueError"),
    "snooze": (lambda: Snooze("1h"), "snoozed", None),
    "cancel": (lambda: Cancel("not needed"), "cancelled", None),
    "discard": (lambda: Discard("no such card"), "dead", "Discard"),
}


@pytest.mark.parametrize("name", OUTCOMES)
async def test_each_end_has_its_word(app: App, spans: Spans, name: str) -> None:
    make, outcome, error_type = OUTCOMES[name]

    @app.task(retry=Retry(max_attempts=2, delay=60))
    async def ends() -> None:
        raise make()  # type: ignore[misc]  # signals are exceptions, too

    await ends.aenqueue()
    await burst(app)
    process = spans.one("process ends")
    found = attributes(process)
    assert (found["dutiful.outcome"], found.get("error.type")) == (outcome, error_type)
    assert found.get("dutiful.reason") == ("discarded" if outcome == "dead" else None)
    failed = error_type is not None
    assert process.status.status_code is (StatusCode.ERROR if failed else StatusCode.UNSET)
    assert [event.name for event in process.events] == ["exception"] * failed


async def test_a_redrive_keeps_the_trace(app: App, spans: Spans) -> None:
    @app.task(retry=ONCE)
    async def charge(ctx: Context) -> None:
        if ctx.job.redriven_at is None:
            raise ValueError("declined")

    handle = await charge.using(meta={"traceparent": PARENT}).aenqueue()
    await burst(app)
    assert (await stored(app, handle.id)).reason == "attempts-spent"
    await app.dead.aredrive([handle.id])
    await burst(app)
    found = spans.of("process charge")
    assert [ids(one)[0] for one in found] == [TRACE, TRACE]
    assert [attributes(one)["dutiful.outcome"] for one in found] == ["dead", "succeeded"]
    assert attributes(found[0])["dutiful.reason"] == "attempts-spent"


async def test_a_task_that_settles_in_its_transaction_ends_its_span(app: App, spans: Spans) -> None:
    if app.store.name == "memory":
        return

    @app.task
    def charge(ctx: Context) -> None:
        with ctx.transaction() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS paid (id)")

    await charge.aenqueue()
    await burst(app)
    process = spans.one("process charge")
    assert attributes(process)["dutiful.outcome"] == "succeeded"
    assert process.start_time is not None
    assert process.end_time is not None
    assert process.end_time >= process.start_time
