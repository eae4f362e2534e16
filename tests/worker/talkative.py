"""Tasks that log, for workers and children that can import them."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import Annotated, Any

from dutiful import App, Context, Retry, Sensitive, Snooze
from tests.worker.jobs import mark

app = App()
log = logging.getLogger("tests.talkative")
log.setLevel("DEBUG")
Card = Annotated[str, Sensitive]
once = Retry(max_attempts=1)


def talk(text: str) -> None:
    log.debug("debug %s", text)
    log.info("info %s", text)
    log.error("error %s", text)
    print("printed", text)


@app.task(capture_logs=True)
async def on_loop(text: str, card: Card = "none") -> None:
    talk(text)
    await asyncio.to_thread(log.info, "beside %s", card)


@app.task(capture_logs=True)
def in_thread(text: str, card: Card = "none") -> None:
    talk(text)
    log.info("card %s", card)


@app.task(capture_logs=True, cpu=True)
def in_child(text: str, card: Card = "none") -> None:
    talk(text)
    log.info("card %s", card)


@app.task
async def silent(text: str) -> None:
    talk(text)


@app.task(capture_logs="error")
async def errors_only(text: str) -> None:
    talk(text)


@app.task(capture_logs="off")
async def never(text: str) -> None:
    talk(text)


@app.task(capture_logs=True, retry=Retry(max_attempts=2, delay="1ms"))
async def failing(text: str, ctx: Context) -> None:
    log.info("attempt %d of %s", ctx.attempt, text)
    raise ValueError(text)


@app.task(capture_logs=True, cpu=True, retry=once)
def failing_in_child(text: str) -> None:
    log.info("before %s", text)
    raise ValueError(text)


@app.task(capture_logs=True, cpu=True, retry=once)
def dying_in_child(text: str) -> None:
    log.info("lost %s", text)
    os._exit(9)


@app.task(capture_logs=True, cpu=True, retry=once)
def slow_in_child(text: str) -> None:
    log.info("before %s", text)
    mark("slow")
    threading.Event().wait(30)


@app.task(capture_logs=True, cpu=True)
def paying_in_child(text: str, ctx: Context) -> None:
    with ctx.transaction() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS paid (text)")
        log.info("paid %s", text)


@app.task(capture_logs=True)
def paying(text: str, ctx: Context) -> None:
    with ctx.transaction() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS paid (text)")
        log.info("paid %s", text)


@app.task(capture_logs=True)
async def snoozing(times: int, ctx: Context) -> None:
    left = times - len(await app.store.logs.lines(ctx.job_id))
    log.info("%d left", left)
    if left:
        raise Snooze("100ms")


@app.task(capture_logs=True)
async def looking(text: str, ctx: Context) -> list[str]:
    log.info("one %s", text)
    log.info("two %s", text)
    return [line.message for line in ctx.logged]


@app.task(capture_logs=True, cpu=True)
def looking_in_child(text: str, ctx: Context) -> list[str]:
    log.info("one %s", text)
    return [line.message for line in ctx.logged]


@app.task(capture_logs=True, retry=once)
def leaving_a_thread(event: str) -> None:
    """Leave a thread behind that goes on to log in the context of this attempt."""
    import contextvars

    context = contextvars.copy_context()
    ready = LATE[event]

    def later() -> None:
        ready.wait(30)
        log.info("too late")

    threading.Thread(target=context.run, args=(later,), daemon=True).start()
    log.info("in time")


LATE: dict[str, Any] = {}
