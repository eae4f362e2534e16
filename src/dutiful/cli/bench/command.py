"""``dutiful bench``: one command that says how fast a store is here, and how fast it could be."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress

from dutiful.cli.failure import Wrong
from dutiful.worker.options import WorkerOptions

from .limits import sqlite_limits
from .stages import Bench, Figures, task_of

_LIMIT_SECONDS = 1.5
_ENQUEUE_SECONDS = 2.0


def bench(
    *,
    engine: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An empty store; a new SQLite file when not given."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=100, help="How many jobs to drain.")] = 50_000,
    backlog: Annotated[
        int, typer.Option(min=0, help="Also drain with so many more jobs queued behind.")
    ] = 0,
    concurrency: Annotated[int, typer.Option("-c", min=1, help="Slots of the worker.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure enqueueing, draining and pickup through the public API, beside the store's limits.

    One worker process of default settings, no-op jobs, results stored. Run it on a quiet machine
    and compare ratios within one run. Exit code 1 when a job was lost or failed.
    """
    with tempfile.TemporaryDirectory(prefix="dutiful-bench-") as name:
        folder = Path(name)
        url = engine or f"sqlite:///{folder}/jobs.db"
        if urlsplit(url).scheme == "memory":
            raise Wrong("memory:// has no second process", "measure sqlite:///FILE instead")
        figures = asyncio.run(_run(url, folder, jobs, WorkerOptions(concurrency=concurrency)))
    rounded = {name: _round(value) for name, value in figures.items()}
    typer.echo(json.dumps({"engine": urlsplit(url).scheme, "jobs": jobs, **rounded}))


async def _run(url: str, folder: Path, jobs: int, options: WorkerOptions) -> Figures:
    # On standard error, so that standard output holds the figures and nothing else.
    with Progress(console=Console(stderr=True), transient=True) as progress:
        line = progress.add_task("limits of the store", total=1.0)

        def tell(stage: str, share: float) -> None:
            progress.update(line, description=stage, completed=share)

        limits = sqlite_limits(folder, durability="full", seconds=_LIMIT_SECONDS)
        run = Bench(url, folder, options, tell)
        try:
            await run.app.open()
            await run.enqueue_many(task_of("async"), jobs)
            await run.drain(task_of("async"), jobs, "drain")
            await run.enqueue_many(task_of("sync"), jobs)
            await run.drain(task_of("sync"), jobs, "drain_sync")
            await run.pickup()
            await run.enqueue_one(_ENQUEUE_SECONDS)
        finally:
            await run.close()
    return {**run.figures, **limits}


def _round(value: float) -> float:
    return round(value) if value >= 100 else round(value, 3)
