"""One whole run of the benchmark: every stage in order, beside the limits of the store."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from dutiful.app import App
from dutiful.core.errors import UsageError
from dutiful.core.url import scheme
from dutiful.services.copy_store import survey
from dutiful.worker.options import WorkerOptions

from .limits import Step, sqlite_commits, sqlite_limits
from .stages import Bench, Figures, Progress, task_of

_SECONDS = 2.0
"""How long each rate is measured, unless few jobs ask for a quick look."""
_SECONDS_MIN = 0.1
_PICKUPS = 300
_POSTGRES = ("postgresql", "postgres")


class StoreInUse(UsageError):
    """The store has jobs or workers of its own, so the benchmark leaves it alone."""

    def __init__(self, jobs: int, workers: int) -> None:
        """Keep how many jobs are to run, and how many workers are alive."""
        self.jobs = jobs
        self.workers = workers
        super().__init__(f"the store is in use (jobs: {jobs:,}, workers: {workers:,})")


async def measure(
    url: str, folder: Path, sizes: tuple[int, int], options: WorkerOptions, tell: Progress
) -> Figures:
    """Measure a store and return the figures, rounded; ``sizes`` are jobs and backlog.

    ``folder`` is for files of the run. ``tell`` is called with the name of a stage, and the share
    of it that is done. Raises StoreInUse before a job is enqueued.
    """
    jobs, backlog = sizes
    seconds = max(_SECONDS_MIN, min(_SECONDS, jobs / 10_000))
    run = Bench(url, folder, options, tell)
    try:
        await run.app.open()
        await _demand_idle(run.app)
        limits = _limits(url, folder, seconds)
        await run.enqueue_many(task_of("async"), jobs)
        await run.consume(task_of("async"), jobs, "consume")
        await run.enqueue_many(task_of("sync"), jobs)
        await run.consume(task_of("sync"), jobs, "consume_sync")
        await run.enqueue_many(task_of("async"), jobs)
        await run.consume(task_of("async"), jobs, "consume_two_workers", workers=2)
        await run.pickup(min(_PICKUPS, jobs // 20))
        await run.enqueue_one(seconds, lambda: _commits(url, folder))
        if backlog:
            await run.behind(task_of("async"), backlog, jobs)
    finally:
        await run.close()
    return {name: _round(value) for name, value in {**run.figures, **limits}.items()}


async def _demand_idle(app: App) -> None:
    """Refuse a store with work of its own: the workers of the benchmark would take it."""
    found = await survey(app.store)
    live = sum(count for (_, state), count in found.counts.items() if not state.final)
    if live or found.alive:
        raise StoreInUse(live, len(found.alive))


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
