"""Jobs and dead letters as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dutiful.cli import render
from dutiful.cli.render import Column
from dutiful.core.state import State

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.contract.page import DeadGroup
    from dutiful.contract.protocol import Inspector
    from dutiful.core.job import AttemptError, Job

_QUEUE = Column("queue", shrinks=True)
_JOBS = (
    Column("id"),
    Column("task", shrinks=True),
    _QUEUE,
    Column("state"),
    Column("tried", right=True),
    Column("when"),
    Column("detail", shrinks=True),
)
_GROUPS = (
    Column("jobs", right=True),
    Column("task", shrinks=True),
    Column("reason"),
    Column("latest"),
    Column("latest error", shrinks=True),
)


async def latest_errors(inspector: Inspector, jobs: Sequence[Job]) -> dict[str, AttemptError]:
    """Return the latest error of those jobs whose last attempt failed."""
    found: dict[str, AttemptError] = {}
    for job in jobs:
        failed = job.state is State.DEAD or (job.state is State.SCHEDULED and job.attempt > 0)
        if failed and (errors := await inspector.errors(job.id)):
            found[job.id] = errors[-1]
    return found


def jobs_table(jobs: Sequence[Job], errors: Mapping[str, AttemptError]) -> RenderableType:
    """Lay jobs out, one a line; a narrow screen goes without the queue, to show the error."""
    present, short = render.now(), render.shorten([job.id for job in jobs])
    columns = _JOBS if render.wide() else [column for column in _JOBS if column != _QUEUE]
    rows = [
        (
            render.line(render.flat(short[job.id])),
            render.line(render.flat(job.task)),
            *([render.line(render.flat(job.queue))] if _QUEUE in columns else []),
            render.state(job.state),
            render.line(f"{job.attempt}/{job.max_attempts}"),
            render.line(when(job, present)),
            _detail(job, errors.get(job.id)),
        )
        for job in jobs
    ]
    return render.table(columns, rows)


def when(job: Job, present: int) -> str:
    """Say the one time that matters in a job's state."""
    match job.state:
        case State.SCHEDULED | State.WAITING:
            return "due" if job.run_at <= present else render.ago(job.run_at, present)
        case State.QUEUED:
            return f"for {render.rough(present - job.run_at)}"
        case State.RUNNING:
            since = present if job.started_at is None else job.started_at
            return f"for {render.rough(present - since)}"
        case _:
            ended = job.enqueued_at if job.finished_at is None else job.finished_at
            return render.ago(ended, present)


def _detail(job: Job, error: AttemptError | None) -> Text:
    if job.state is State.RUNNING:
        if job.cancel_requested:
            return render.line("asked to cancel", "yellow")
        return render.line(f"on {render.flat(job.worker)}" if job.worker else "", "dim")
    reason = render.flat(job.reason or "")
    if error is None and job.unreadable is not None:
        return render.line(f"cannot be read, in {job.unreadable}", "red")
    if error is None:
        return render.line("" if reason == job.state.word else reason, "dim")
    if reason and reason != "attempts-spent":
        return render.line(f"{reason}: {error.message}")
    return _summary(error.type, error.message)


def _summary(kind: str, message: str) -> Text:
    """Write an error on one line, by the last part of its type's name."""
    name = kind.rpartition(".")[2]
    return render.line(f"{name}: {message}" if message.strip() else name)


def groups_table(groups: Sequence[DeadGroup]) -> RenderableType:
    """Lay groups of dead letters out, largest first."""
    present = render.now()
    rows = [
        (
            render.line(f"{group.count:,}", "bold red"),
            render.line(render.flat(group.task)),
            render.line(render.flat(group.reason)),
            render.line(render.ago(group.latest_at, present)),
            _summary(group.error_type, group.message),
        )
        for group in groups
    ]
    return render.table(_GROUPS, rows)
