"""Tasks that leave something behind in their child process, for the job that comes next."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from dutiful import App, ClaimLost, Context, Retry

app = App()
once = Retry(max_attempts=1)
LEFT: list[threading.Thread] = []
SAID: list[str] = []
GO = threading.Event()


@app.task(cpu=True, retry=once)
def fan(ctx: Context) -> int:
    with ThreadPoolExecutor(8) as pool:
        return sum(pool.map(lambda number: ctx.step(f"part-{number}", abs, number), range(40)))


@app.task(cpu=True, retry=once)
def write_from_threads(names: list[str], ctx: Context) -> int:
    """Enter the job's transaction from several threads; return how many connections they got."""
    entered = threading.Barrier(len(names))

    def connection() -> int:
        entered.wait()
        with ctx.transaction() as given:
            return id(given)

    with ThreadPoolExecutor(len(names)) as pool:
        count = len({one.result() for one in [pool.submit(connection) for _ in names]})
    with ctx.transaction() as given:
        given.executemany("insert into ledger values (?)", [(name,) for name in names])
    return count


def _ask(ctx: Context, what: str) -> None:
    try:
        if what == "step":
            ctx.step("late", SAID.append, "ran")
        else:
            with ctx.transaction():
                SAID.append("entered")
    except ClaimLost:
        SAID.append("ClaimLost")


@app.task(cpu=True, retry=once)
def leave_one_that_asks_later(what: str, ctx: Context) -> int:
    def later() -> None:
        GO.wait(60)
        _ask(ctx, what)

    _leave(threading.Thread(target=later, daemon=True))
    return os.getpid()


@app.task(cpu=True, retry=once)
def leave_one_that_asks_now(ctx: Context) -> int:
    """Return while a thread takes one step after the other."""
    asked = threading.Event()

    def ask() -> None:
        try:
            for number in range(100_000):
                ctx.step(f"step-{number}", str)
                asked.set()
        except ClaimLost:
            SAID.append("ClaimLost")

    _leave(threading.Thread(target=ask, daemon=True))
    asked.wait(60)
    return os.getpid()


def _leave(thread: threading.Thread) -> None:
    SAID.clear()
    GO.clear()
    LEFT[:] = [thread]
    thread.start()


@app.task(cpu=True, retry=once)
def meet_what_was_left(ctx: Context) -> tuple[int, list[str], str]:
    GO.set()
    mine = ctx.step("mine", str, 1)
    for thread in LEFT:
        thread.join(60)
    return os.getpid(), SAID, mine + ctx.step("too", str, 2)


@app.task(cpu=True, retry=once)
def who() -> int:
    return os.getpid()
