"""Read by type checkers, never run: each line marked WRONG must be an error, and no other."""

from __future__ import annotations

from dutiful import App, Context

app = App()


@app.task
async def last(a: int, ctx: Context) -> str:
    return str(a)


@app.task
def first(ctx: Context, a: int, *, b: str = "") -> str:
    return b


@app.task
def plain(a: int, b: str = "") -> int:
    return a


last.enqueue("x")  # WRONG
last.enqueue()  # WRONG
last.enqueue(1, 2)  # WRONG
first.enqueue(1, c=2)  # WRONG
first.enqueue(1, b=2)  # WRONG
plain.enqueue(1, 2)  # WRONG
plain.enqueue(b="x")  # WRONG
plain("x")  # WRONG
plain.job(None)  # WRONG
plain.using(dealy="1s")  # WRONG
plain.using(priority="high")  # WRONG
plain.enqueue(1).result().upper()  # WRONG
app.task(queue=1)  # WRONG
app.task(max_retries=1)  # WRONG
app.enqueue_many([1])  # WRONG
app.jobs.list(state="quued")  # WRONG
app.jobs.list(queues="a")  # WRONG
app.jobs.list(enqueued_after="2h")  # WRONG
app.jobs.cancel(all="yes")  # WRONG
app.jobs.get("x").queue = "y"  # WRONG
app.jobs.get("x").enqueued_at + 1  # WRONG
app.dead.list(state="queued")  # WRONG
app.dead.redrive(changes=["a=1"])  # WRONG
app.dead.purge(rate="5/s")  # WRONG
app.queues.list().first()  # WRONG
app.schedules.list(status="stopped")  # WRONG
