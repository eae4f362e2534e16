"""A task each second, and a report each night. ``dutiful worker schedule:app`` is all that runs.

Start it in two terminals and kill either: each second comes once. Then ask what happened, or what
will: ``dutiful schedules show tick --app schedule:app``, ``... next report-night ...``.
"""

from dutiful import App, Context

app = App("sqlite:///jobs.db")


@app.every("1s")
@app.task
async def tick(ctx: Context) -> None:
    if ctx.occurrence is not None:
        print(f"tick of {ctx.occurrence.planned:%H:%M:%S}", flush=True)


@app.cron("30 1 * * *", tz="America/New_York", name="report-night", overlap="skip")
@app.task
def report(ctx: Context) -> str:
    if ctx.occurrence is None:
        return "asked for by hand"
    # The night before, also when this runs hours late or is tried again.
    return f"from {ctx.occurrence.previous} to {ctx.occurrence.planned}"
