"""``dutiful watch``: evaluates alerts without running jobs."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from dutiful.app import App
from dutiful.core.url import public
from dutiful.worker.isolation.first_process import leave_first_process
from dutiful.worker.logs import show_logs
from dutiful.worker.signals import on_stop
from dutiful.worker.watcher import Watcher

from .expand import expand
from .log_options import LogOptions, MetricsOption
from .options import Common
from .target import resolve


@expand
def watch(
    *,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The store to watch.")
    ] = None,
    app: Annotated[
        str | None, typer.Option("--app", help="Your app, whose rules and sinks are used.")
    ] = None,
    metrics: MetricsOption = None,
    logs: LogOptions,
) -> None:
    """Evaluate alerts and send messages until TERM, INT or HUP; run no jobs.

    For the hour in which every worker is dead, and for stores whose workers are started on demand.
    With only a URL the default rules are evaluated, and alerts go to the sinks of the settings, or
    to the log. Serves metrics and sends the dead-man's signal as a worker does. Exit codes:
    0 stopped, 2 wrong use, 3 the store cannot be used.
    """
    leave_first_process()
    level, form = logs.read()
    found, _ = resolve(Common(url=url, app=app))
    show_logs(found.settings, level, form)
    if (where := metrics or found.settings.metrics) is not None:
        typer.echo(f"Metrics are at http://{found.metrics.serve(where).address}/metrics.", err=True)
    asyncio.run(_watch(found))


async def _watch(app: App) -> None:
    watcher = Watcher(app)
    on_stop(watcher.stop)
    try:
        typer.echo(f"Watching {public(app.settings.url)}.", err=True)
        await watcher.run()
    finally:
        await app.close()
