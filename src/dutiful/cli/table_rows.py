"""Jobs and dead letters as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dutiful.cli import as_json as wire
from dutiful.cli import render
from dutiful.cli.render import TableColumn
from dutiful.core.state import State
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.cli.options import Paging
    from dutiful.manage.page import Page
    from dutiful.manage.records import DeadGroupRecord, JobRecord

_QUEUE = TableColumn("queue", shrinks=True)
_JOBS = (
    TableColumn("id"),
    TableColumn("task", shrinks=True),
    _QUEUE,
    TableColumn("state"),
    TableColumn("tried", right=True),
    TableColumn("when"),
    TableColumn("detail", shrinks=True),
)
_GROUPS = (
    TableColumn("jobs", right=True),
    TableColumn("task", shrinks=True),
    TableColumn("reason"),
    TableColumn("latest"),
    TableColumn("latest error", shrinks=True),
)


def state_of(word: str) -> State:
    """Return the state of a record's word."""
    return State[word.upper()]


def show_page(page: Page[JobRecord], paging: Paging, *, as_json: bool) -> bool:
    """Print a page of jobs; False when it holds none, which is left to the caller to say."""
    if as_json:
        found = [wire.job(job) for job in page]
        wire.emit({"jobs": found, "next_cursor": page.next_cursor})
        return True
    if page:
        render.show(jobs_table(page.items))
        if page.next_cursor:
            render.say(f"\nThere are more: add --page {paging.page + 1}.", "dim")
    return bool(page)


def jobs_table(jobs: Sequence[JobRecord]) -> RenderableType:
    """Lay jobs out, one a line; a narrow screen goes without the queue, to show the error."""
    present, short = render.now(), render.shorten([job.id for job in jobs])
    columns = _JOBS if render.wide() else [column for column in _JOBS if column != _QUEUE]
    rows = [
        (
            render.line(render.flat(short[job.id])),
            render.line(render.flat(job.task)),
            *([render.line(render.flat(job.queue))] if _QUEUE in columns else []),
            render.state(state_of(job.state)),
            render.line(f"{job.attempt}/{job.max_attempts}"),
            render.line(when(job, present)),
            _detail(job),
        )
        for job in jobs
    ]
    return render.table(columns, rows)


def when(job: JobRecord, present: int) -> str:
    """Say the one time that matters in a job's state."""
    due = micros(job.run_at)
    match job.state:
        case "scheduled" | "waiting":
            return "due" if due <= present else render.ago(due, present)
        case "queued":
            return f"for {render.rough(present - due)}"
        case "running":
            since = present if job.started_at is None else micros(job.started_at)
            return f"for {render.rough(present - since)}"
        case _:
            ended = job.enqueued_at if job.finished_at is None else job.finished_at
            return render.ago(micros(ended), present)


def _detail(job: JobRecord) -> Text:
    error = job.latest_error
    if job.state == "running":
        if job.cancel_requested:
            return render.line("asked to cancel", "yellow")
        return render.line(f"on {render.flat(job.worker)}" if job.worker else "", "dim")
    reason = render.flat(job.reason or "")
    if error is None and job.unreadable is not None:
        return render.line(f"cannot be read, in {job.unreadable}", "red")
    if error is None:
        return render.line("" if reason == job.state else reason, "dim")
    if reason and reason != "attempts-spent":
        return render.line(f"{reason}: {error.message}")
    return _summary(error.type, error.message)


def _summary(kind: str, message: str) -> Text:
    """Write an error on one line, by the last part of its type's name."""
    name = kind.rpartition(".")[2]
    return render.line(f"{name}: {message}" if message.strip() else name)


def groups_table(groups: Sequence[DeadGroupRecord]) -> RenderableType:
    """Lay groups of dead letters out, largest first."""
    present = render.now()
    rows = [
        (
            render.line(f"{group.count:,}", "bold red"),
            render.line(render.flat(group.task)),
            render.line(render.flat(group.reason)),
            render.line(render.ago(micros(group.latest_at), present)),
            _summary(group.error_type, group.message),
        )
        for group in groups
    ]
    return render.table(_GROUPS, rows)
