"""``dutiful worker``: runs jobs until a signal stops it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.config import load_settings
from dutiful.config_file import working_folder
from dutiful.core.instant import span
from dutiful.core.listen_address import Address, address
from dutiful.core.queue import served
from dutiful.observe.http_server import bound
from dutiful.observe.metrics.prometheus import registry_of
from dutiful.observe.metrics.series import Snapshot
from dutiful.worker.isolation.first_process import leave_first_process
from dutiful.worker.isolation.places import remember
from dutiful.worker.logs import show_logs, started
from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import Orders, serve
from dutiful.worker.supervisor import Supervisor

from .expand import expand
from .failure import Wrong
from .log_options import LogOptions, MetricsOption
from .target import load_app

if TYPE_CHECKING:
    from dutiful import App

RssOption = Annotated[
    int | None, typer.Option(min=1, help="Replace a process that uses more megabytes of memory.")
]


@expand
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
    rss_mb_max: RssOption = None,
    metrics: MetricsOption = None,
    logs: LogOptions,
) -> None:
    """Run jobs until TERM, INT or HUP, then drain; a second signal releases running jobs.

    USR1 prints the stacks of threads and tasks. Exit codes: 0 stopped after a drain, 1 an error,
    2 wrong use, 3 the store cannot be used, 75 or 79 (hung) must be restarted by a supervisor.
    """
    leave_first_process()
    name = target or app or load_settings().app
    if name is None:
        raise Wrong("no app is named", "write: dutiful worker shop.jobs:app")
    loaded = _loaded(name, url)
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
    level, form = logs.read()
    show_logs(loaded.settings, level, form)
    loaded.bus.emit(started(loaded, options, processes))
    where = metrics or loaded.settings.metrics
    if processes == 1 and not reload and jobs_max is None and rss_mb_max is None:
        raise typer.Exit(_alone(loaded, options, where))
    orders = Orders(name, loaded.settings.url, options, log_level=level, log_format=form)
    watch = _watched() if reload else None
    supervisor = Supervisor(orders, processes, watch=watch, metrics=_bound(where))
    raise typer.Exit(asyncio.run(supervisor.run()))


def _alone(app: App, options: WorkerOptions, where: str | None) -> int:
    """Run one worker in this process, and serve its metrics where that is asked for."""
    if where is not None:
        _say(app.metrics.serve(where).address)
    return serve(app, options)


def _bound(where: str | None) -> socket | None:
    """Return the socket on which a supervisor serves; fails where it could not serve later."""
    if where is None:
        return None
    registry_of(Snapshot)
    listening = bound(address(where))
    _say(Address(*listening.getsockname()[:2]))
    return listening


def _say(where: Address) -> None:
    logging.getLogger("dutiful").info("metrics are served at http://%s/metrics", where)


def _loaded(name: str, url: str | None) -> App:
    loaded = load_app(name, prints=True)
    remember(loaded, name)
    if url is not None:
        loaded.at(url)
    return loaded


def _watched() -> Path:
    """Return the folder that --reload watches."""
    folder = working_folder()
    if folder is None:
        raise Wrong("the working folder was removed", "go to the folder that --reload is to watch")
    return folder
