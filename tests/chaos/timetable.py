"""What the workers run when schedules are tried: one task that notes its planned instant."""

from __future__ import annotations

from dutiful import App, Context, Retry
from tests.chaos.ledger import note

app = App(name="timetable")


@app.every("1s", name="each-second")
@app.every("100ms", name="fast")
@app.task(retry=Retry(max_attempts=60))
async def tick(ctx: Context) -> None:
    occurrence = ctx.occurrence
    assert occurrence is not None
    planned = round(occurrence.planned.timestamp() * 1_000_000)
    note("ran", planned, ctx.attempt, more=occurrence.schedule)
