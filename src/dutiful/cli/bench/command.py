"""``dutiful bench``: one command that says how fast a store is here, and how fast it could be."""

from __future__ import annotations

import asyncio
import json
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer
from rich.console import Console
from rich.progress import Progress

from dutiful.app import App
from dutiful.cli.failure import Interrupted, Wrong
from dutiful.cli.render import Column, line, plural, show, table
from dutiful.core.url import in_process, public, scheme
from dutiful.services.copier import survey
from dutiful.worker.options import WorkerOptions

from .limits import Step, sqlite_commits, sqlite_limits
from .stages import Bench, Figures, task_of

_SECONDS = 2.0
"""How long each rate is measured, unless few jobs ask for a quick look."""
_SECONDS_MIN = 0.1
_PICKUPS = 300
_POSTGRES = ("postgresql", "postgres")


def bench(
    *,
    engine: Annotated[
        str | None,
        typer.Option(metavar="URL", help="An empty store; a new SQLite file when not given."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=100, help="How many jobs to drain.")] = 50_000,
    backlog: Annotated[int, typer.Option(min=0, help="Also drain with so many jobs queued.")] = 0,
    concurrency: Annotated[int, typer.Option("-c", min=1, help="Slots of the worker.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure enqueueing, draining and pickup through the public API, beside the store's limits.

    One worker process of default settings, or two where said, no-op jobs, results stored. Run it
    on a quiet machine and compare ratios within one run. Exit code 1 when a job was lost or failed.
    """
    with tempfile.TemporaryDirectory(prefix="dutiful-bench-") as name:
        folder = Path(name)
        url = engine or f"sqlite:///{quote(str(folder))}/jobs.db"
        if in_process(url):
            raise Wrong("memory:// has no second process", "measure sqlite:///FILE instead")
        options = WorkerOptions(concurrency=concurrency)
        try:
            figures = asyncio.run(_run(url, folder, (jobs, backlog), options))
        except KeyboardInterrupt as stop:
            left = f"its jobs are still in {public(url)}" if engine else "nothing is left of it"
            raise Interrupted(left) from stop
    rounded = {name: _round(value) for name, value in figures.items()}
    _tell({"engine": scheme(url) or "", "jobs": jobs, **rounded}, as_json=as_json)


def _tell(figures: dict[str, str | float], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(figures))
        return
    rows = [
        (line(name.replace("_", " ").replace(" per s", "/s")), line(_spell(value)))
        for name, value in figures.items()
    ]
    show(table((Column("figure"), Column("here", right=True)), rows))


def _spell(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:,}"


async def _run(url: str, folder: Path, sizes: tuple[int, int], options: WorkerOptions) -> Figures:
    jobs, backlog = sizes
    seconds = max(_SECONDS_MIN, min(_SECONDS, jobs / 10_000))
    # On standard error, so that standard output holds the figures and nothing else.
    with Progress(console=Console(stderr=True), transient=True) as progress:
        stage_bar = progress.add_task("limits of the store", total=1.0)

        def tell(stage: str, share: float) -> None:
            progress.update(stage_bar, description=stage, completed=share)

        run = Bench(url, folder, options, tell)
        try:
            await run.app.open()
            await _demand_idle(run.app)
            limits = _limits(url, folder, seconds)
            await run.enqueue_many(task_of("async"), jobs)
            await run.drain(task_of("async"), jobs, "drain")
            await run.enqueue_many(task_of("sync"), jobs)
            await run.drain(task_of("sync"), jobs, "drain_sync")
            await run.enqueue_many(task_of("async"), jobs)
            await run.drain(task_of("async"), jobs, "drain_two_workers", workers=2)
            await run.pickup(min(_PICKUPS, jobs // 20))
            await run.enqueue_one(seconds, lambda: _commits(url, folder))
            if backlog:
                await run.behind(task_of("async"), backlog, jobs)
        finally:
            await run.close()
    return {**run.figures, **limits}


async def _demand_idle(app: App) -> None:
    """Refuse a store with work of its own: the workers of the benchmark would take it."""
    found = await survey(app.store)
    live = sum(count for (_, state), count in found.counts.items() if not state.final)
    if live or found.alive:
        holds = f"{plural(live, 'job')} to run and {plural(len(found.alive), 'worker')}"
        raise Wrong(f"the store has {holds}", "name one that is empty, such as a schema of its own")


def _limits(url: str, folder: Path, seconds: float) -> Figures:
    """Measure what the store could do at most, where it is known how."""
    named = scheme(url)
    if named == "sqlite":
        return sqlite_limits(folder, seconds=seconds)
    if named in _POSTGRES:
        from .postgres_limits import postgres_limits

        return postgres_limits(url, seconds=seconds)
    return {}


def _commits(url: str, folder: Path) -> AbstractContextManager[Step | None]:
    """Lend a bare commit of one row, where it is known how."""
    named = scheme(url)
    if named == "sqlite":
        return sqlite_commits(folder)
    if named in _POSTGRES:
        from .postgres_limits import postgres_commits

        return postgres_commits(url)
    return nullcontext()


def _round(value: float) -> float:
    return round(value) if value >= 100 else round(value, 3)
