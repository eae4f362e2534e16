"""Workers with what their slots run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dutiful.cli import render
from dutiful.cli.live.cells import Cell, ScreenColumn, row
from dutiful.cli.live.list_row import BAD, DIM, WARN, WIDE, Row
from dutiful.manage.frame_records import SlotFrame, WorkerFrame
from dutiful.manage.reading import micros, spent
from dutiful.manage.worker_records import WorkerRecord

if TYPE_CHECKING:
    from rich.text import Text

_MORE = (ScreenColumn("memory", 8, right=True), ScreenColumn("queues"))


def worker_columns(width: int) -> tuple[ScreenColumn, ...]:
    """Return the columns of workers."""
    few = (
        ScreenColumn("WORKERS"),
        ScreenColumn("slots", 7, right=True),
        ScreenColumn("state", 15 if width < WIDE else 26),
        ScreenColumn("seen", 7, right=True),
        ScreenColumn("longest job", 22 if width < WIDE else 34),
    )
    return few if width < WIDE else (*few, *_MORE)


def worker_rows(workers: Sequence[WorkerFrame], now: int) -> Iterator[Row]:
    """Write each worker, and below it the jobs that it runs."""
    for one in workers:
        yield _worker_row(one.record, one.jobs[0] if one.jobs else None, now)
        for job in one.jobs:
            yield _slot_row(one.record, job, now)


def _worker_row(one: WorkerRecord, longest: SlotFrame | None, now: int) -> Row:
    def draw(width: int) -> Text:
        silent = one.silent_for > one.lease / 2
        report = one.report
        cells = [
            Cell(one.id, "bold"),
            Cell(f"{min(one.running, one.slots)}/{one.slots}", DIM if not one.running else ""),
            _state(one),
            Cell(f"{render.rough(spent(one.silent_for))} ago", WARN if silent else DIM),
            Cell("" if longest is None else _longest(longest, now)),
            Cell("" if report is None else f"{report.rss_mb:.0f} MiB", DIM),
            Cell(",".join(one.queues), DIM),
        ]
        columns = worker_columns(width)
        return row(columns, cells[: len(columns)], width)

    return Row(f"worker {one.id}", draw, worker=one)


def _longest(job: SlotFrame, now: int) -> str:
    since = "" if job.started_at is None else f"{render.rough(now - micros(job.started_at))} "
    return f"{since}{job.task}"


def _state(one: WorkerRecord) -> Cell:
    if one.unreadable is not None:
        return Cell(f"cannot be read, in {one.unreadable}", "red")
    if one.state == "hung" and one.report is not None and one.report.reason:
        return Cell(f"hung: {one.report.reason}", BAD)
    if one.state in ("lost", "overdue", "hung"):
        return Cell({"overdue": "does not answer"}.get(one.state, one.state), BAD)
    if one.ordered is not None and one.state == "serving":
        return Cell(f"ordered: {one.ordered}", WARN)
    if one.stalled_for:
        return Cell(f"hangs for {render.rough(spent(one.stalled_for))}", BAD)
    return Cell(one.state, "green" if one.state == "serving" else WARN)


def _slot_row(worker: WorkerRecord, job: SlotFrame, now: int) -> Row:
    def draw(width: int) -> Text:
        since = None if job.started_at is None else now - micros(job.started_at)
        columns = (
            ScreenColumn("", 1),
            ScreenColumn("", 22 if width < WIDE else 40),
            ScreenColumn("", 9),
            ScreenColumn(""),
            ScreenColumn("", 18),
        )
        cells = (
            Cell(""),
            Cell(job.task),
            Cell("" if since is None else f"for {render.rough(since)}", "yellow"),
            Cell(f"of {job.queue}" if job.queue else "", DIM),
            Cell(job.job_id[:18], DIM),
        )
        return row(columns, cells, width)

    return Row(f"slot {job.job_id}", draw, worker=worker, job_id=job.job_id)
