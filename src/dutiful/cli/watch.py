"""``dutiful watch``: evaluates alerts without running jobs."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from dutiful.app import App
from dutiful.core.url import public
from dutiful.worker.isolation.first_process import leave_first_process
from dutiful.worker.serve import show_logs
from dutiful.worker.signals import on_stop
from dutiful.worker.watcher import Watcher

from .options import Common
from .target import resolve


def watch(
    *,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The store to watch.")
    ] = None,
    app: Annotated[
        str | None, typer.Option("--app", help="Your app, whose rules and sinks are used.")
    ] = None,
) -> None:
    """Evaluate alerts and send messages until TERM, INT or HUP; run no jobs.

    For the hour in which every worker is dead, and for stores whose workers are started on demand.
    With only a URL the default rules are evaluated, and alerts are written to the log. Exit codes:
    0 stopped, 2 wrong use, 3 the store cannot be used.
    """
    leave_first_process()
    found, _ = resolve(Common(url=url, app=app))
    show_logs()
    asyncio.run(_watch(found))


async def _watch(app: App) -> None:
    watcher = Watcher(app)
    on_stop(watcher.stop)
    try:
        typer.echo(f"Watching {public(app.settings.url)}.", err=True)
        await watcher.run()
    finally:
        await app.close()
