"""``dutiful bench``: measures how fast a store is on this machine, and how fast it could be."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import Progress

from dutiful.bench.run import StoreInUse, measure
from dutiful.bench.stages import Figures
from dutiful.cli.failure import Interrupted, Wrong
from dutiful.cli.render import TableColumn, line, plural, show, table
from dutiful.core.url import in_process, public, scheme
from dutiful.worker.options import WorkerOptions


def bench(
    *,
    engine: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An empty store; by default a new SQLite file."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=100, help="How many jobs to run.")] = 50_000,
    backlog: Annotated[
        int, typer.Option(min=0, help="Also run them with this many others queued.")
    ] = 0,
    concurrency: Annotated[int, typer.Option("-c", min=1, help="Slots of the worker.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure enqueueing, throughput and pickup through the public API, and the store's limits.

    The jobs do nothing, and their results are stored. One worker process with default settings
    runs them, or two where the figure says so. Use a quiet machine, and compare ratios within one
    run. Exit code 1 when a job was lost or failed.
    """
    with tempfile.TemporaryDirectory(prefix="dutiful-bench-") as name:
        folder = Path(name)
        url = engine or f"sqlite:///{quote(str(folder))}/jobs.db"
        if in_process(url):
            raise Wrong("memory:// has no second process", "measure sqlite:///FILE instead")
        options = WorkerOptions(concurrency=concurrency)
        try:
            figures = asyncio.run(_run(url, folder, (jobs, backlog), options))
        except StoreInUse as found:
            holds = f"{plural(found.jobs, 'job')} to run and {plural(found.workers, 'worker')}"
            advice = "name one that is empty, such as a schema of its own"
            raise Wrong(f"the store has {holds}", advice) from found
        except KeyboardInterrupt as stop:
            left = f"its jobs are still in {public(url)}" if engine else "nothing is left of it"
            raise Interrupted(left) from stop
    _tell({"engine": scheme(url) or "", "jobs": jobs, **figures}, as_json=as_json)


async def _run(url: str, folder: Path, sizes: tuple[int, int], options: WorkerOptions) -> Figures:
    # On standard error, so that standard output holds the figures and nothing else.
    with Progress(console=Console(stderr=True), transient=True) as progress:
        stage_bar = progress.add_task("limits of the store", total=1.0)

        def tell(stage: str, share: float) -> None:
            progress.update(stage_bar, description=stage, completed=share)

        return await measure(url, folder, sizes, options, tell)


def _tell(figures: dict[str, str | float], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(figures))
        return
    rows = [
        (line(name.replace("_", " ").replace(" per s", "/s")), line(_spell(value)))
        for name, value in figures.items()
    ]
    show(table((TableColumn("figure"), TableColumn("here", right=True)), rows))


def _spell(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:,}"
