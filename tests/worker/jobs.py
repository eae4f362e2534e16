"""Tasks that child processes can import; where they tell about themselves is in ``MARKS``."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time

from dutiful import App, Context, Discard, Retry, Snooze

app = App()
at_once = Retry(max_attempts=5, delay=0, jitter="none")


def mark(text: str) -> None:
    """Append a line, whole, whatever else is written at that time."""
    descriptor = os.open(os.environ["MARKS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{text}\n".encode())
    os.close(descriptor)


@app.task(cpu=True)
def add(a: int, b: int) -> int:
    return a + b


@app.task(name="renamed", cpu=True)
def under_another_name() -> int:
    return os.getpid()


def _hidden(a: int) -> int:
    return a * 2


kept_elsewhere = app.task(name="elsewhere", cpu=True)(_hidden)


@app.task(cpu=True)
def span(seconds: float) -> tuple[float, float]:
    started = time.time()
    time.sleep(seconds)
    return started, time.time()


@app.task(cpu=True, retry=at_once)
def steps(ctx: Context) -> list[int]:
    first = ctx.step("first", _reported, "first")
    if ctx.attempt == 1:
        raise ValueError("again")
    return [first, ctx.step("second", _reported, "second"), ctx.attempt]


def _reported(name: str) -> int:
    mark(f"step {name}")
    return len(name)


@app.task(cpu=True, retry=at_once)
def die(how: str, times: int, ctx: Context) -> str:
    if ctx.attempt <= times:
        if how == "exit":
            os._exit(7)
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if how == "unnamed":
            os.kill(os.getpid(), 40)
        if how == "fault":
            ctypes.string_at(0)
    return how


@app.task(cpu=True, retry=at_once)
def say(what: str, ctx: Context) -> object:
    if ctx.attempt > 1:
        return what
    match what:
        case "retry":
            raise Retry(after=0)
        case "snooze":
            return Snooze(0)
        case "discard":
            raise Discard("no use")
        case "exit":
            raise SystemExit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "recursion":
            return _deeper()
        case "object":
            return object()
    raise ValueError(what)


def _deeper() -> int:
    return _deeper() + 1


@app.task(cpu=True)
def write(name: str, fails: bool, ctx: Context) -> str:
    with ctx.transaction() as connection:
        connection.execute("insert into ledger values (?)", (name,))
    if fails:
        raise ValueError("undone")
    return name


@app.task(cpu=True, timeout="0.3s", hard_timeout="1s", retry=Retry(max_attempts=1))
def spin(stubborn: bool) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            while time.monotonic() < end:
                pass
        except BaseException:
            if not stubborn:
                raise


@app.task(cpu=True, retry=at_once)
def hold(name: str) -> str:
    mark(f"hold {name} {os.getpid()}")
    time.sleep(30)
    return name


@app.task(retry=at_once)
async def rest(name: str, seconds: float) -> str:
    mark(f"start {name} {os.getpid()}")
    await asyncio.sleep(seconds)
    mark(f"end {name} {os.getpid()}")
    return name


@app.task(retry=at_once)
def deaf(name: str) -> str:
    mark(f"deaf {name} {os.getpid()}")
    time.sleep(60)
    return name


@app.task(retry=at_once)
async def block(seconds: float) -> None:
    mark(f"block {os.getpid()}")
    time.sleep(seconds)  # noqa: ASYNC251 - the fault under test
    mark(f"freed {os.getpid()}")


@app.task(retry=at_once)
async def write_and_hang(name: str, ctx: Context) -> None:
    async with ctx.transaction() as connection:
        connection.execute("insert into ledger values (?)", (name,))
        mark(f"wrote {name}")
        await asyncio.sleep(0 if ctx.attempt > 1 else 60)


@app.task(retry=at_once)
async def stay() -> None:
    """Swallow every cancellation."""
    mark(f"stay {os.getpid()}")
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            mark("swallowed")


@app.task(cpu=True, retry=at_once)
def step_without_json(ctx: Context) -> None:
    ctx.step("charge", object)


@app.task(cpu=True)
def fails_after_a_step(ctx: Context) -> str:
    """Fail at the first call of an attempt, and note what ran."""

    def effect() -> str:
        mark("effect")
        return "done"

    first = ctx.step("one", effect)
    mark("body")
    with open(os.environ["MARKS"]) as told:
        first_call = told.read().count("body") == 1
    if first_call:
        raise ValueError("once")
    return first
