"""``dutiful worker``: runs jobs until a signal stops it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from dutiful.config import load_settings, working_folder
from dutiful.core.instant import span
from dutiful.core.queue import served
from dutiful.worker.isolation.first_process import leave_first_process
from dutiful.worker.isolation.places import remember
from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import Orders, serve, show_logs
from dutiful.worker.supervisor import Supervisor

from .failure import Wrong
from .target import load_app


def worker(
    target: Annotated[
        str | None, typer.Argument(metavar="APP", help="The app, as module:attribute.")
    ] = None,
    *,
    app: Annotated[str | None, typer.Option("--app", help="The app, as an option.")] = None,
    url: Annotated[str | None, typer.Option("--url", help="Use this store instead.")] = None,
    queues: Annotated[
        str, typer.Option("--queues", "-Q", help="Queues to serve, with weights: billing:3,default")
    ] = "default",
    concurrency: Annotated[
        int, typer.Option("--concurrency", "-c", min=1, help="Jobs to run at a time per process.")
    ] = 16,
    processes: Annotated[
        int, typer.Option("--processes", "-p", min=1, max=1_000, help="Processes to keep running.")
    ] = 1,
    burst: Annotated[bool, typer.Option("--burst", help="Stop when no job is due.")] = False,
    grace: Annotated[
        str, typer.Option(help="How long running jobs may continue after a stop is requested.")
    ] = "25s",
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when a Python file in this folder changes.")
    ] = False,
    jobs_max: Annotated[
        int | None, typer.Option(min=1, help="Replace a process after this many jobs.")
    ] = None,
    rss_mb_max: Annotated[
        int | None,
        typer.Option(min=1, help="Replace a process that uses more megabytes of memory."),
    ] = None,
) -> None:
    """Run jobs until TERM, INT or HUP, then drain; a second signal releases running jobs.

    USR1 prints the stacks of threads and tasks. Exit codes: 0 stopped after a drain, 1 an error,
    2 wrong use, 3 the store cannot be used, 75 or 79 (hung) must be restarted by a supervisor.
    """
    leave_first_process()
    name = target or app or load_settings().app
    if name is None:
        raise Wrong("no app is named", "write: dutiful worker shop.jobs:app")
    loaded = load_app(name, prints=True)
    remember(loaded, name)
    if url is not None:
        loaded.at(url)
    options = WorkerOptions(
        queues=served(queues),
        concurrency=concurrency,
        grace=span(grace),
        burst=burst,
        jobs_max=jobs_max,
        rss_mb_max=rss_mb_max,
        lease=loaded.settings.leases(),
        hung_after=loaded.settings.hung_after,
    )
    show_logs()
    if processes == 1 and not reload and jobs_max is None and rss_mb_max is None:
        raise typer.Exit(serve(loaded, options))
    orders = Orders(name, loaded.settings.url, options)
    watch = _watched() if reload else None
    raise typer.Exit(asyncio.run(Supervisor(orders, processes, watch=watch).run()))


def _watched() -> Path:
    """Return the folder that --reload watches."""
    folder = working_folder()
    if folder is None:
        raise Wrong("the working folder was removed", "go to the folder that --reload is to watch")
    return folder
