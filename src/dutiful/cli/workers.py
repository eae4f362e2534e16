"""``dutiful workers``: who works, on what, and who fell silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.options import Common
from dutiful.cli.render import TableColumn
from dutiful.cli.target import OpenTarget, reach
from dutiful.manage.reading import spent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.manage.worker_records import WorkerRecord

_COLUMNS = (
    TableColumn("worker", shrinks=True),
    TableColumn("host", shrinks=True),
    TableColumn("pid", right=True),
    TableColumn("queues", shrinks=True),
    TableColumn("slots", right=True),
    TableColumn("running", right=True),
    TableColumn("state"),
    TableColumn("silent for", right=True),
    TableColumn(""),
)


_COLOURS = {"lost": "bold red", "overdue": "bold red", "hung": "bold red", "quiet": "yellow"}


@expand
def list_workers(common: Common) -> None:
    """List workers, including lost ones that still hold jobs."""

    async def body(opened: OpenTarget) -> None:
        workers = await opened.app.workers.alist()
        if common.json:
            as_json.emit([as_json.worker(worker) for worker in workers])
        elif workers:
            render.show(_table(workers))
        else:
            render.say(f"No workers on {opened.url}. Start one: `dutiful worker shop.jobs:app`.")

    reach(common, body)


def _table(workers: Sequence[WorkerRecord]) -> RenderableType:
    if not any(_version(worker) for worker in workers):
        return render.table(_COLUMNS, [_row(worker) for worker in workers])
    *known, trouble = _COLUMNS
    rows = [
        [*cells[:-1], render.line(render.flat(_version(worker))), cells[-1]]
        for worker, cells in ((worker, _row(worker)) for worker in workers)
    ]
    return render.table((*known, TableColumn("version", shrinks=True), trouble), rows)


def _version(worker: WorkerRecord) -> str:
    return "" if worker.report is None else worker.report.app_version


def _row(worker: WorkerRecord) -> list[Text]:
    quiet = worker.silent_for > worker.lease / 2
    return [
        render.line(render.flat(worker.id)),
        render.line(render.flat(worker.host)),
        render.line(str(worker.pid or "")),
        render.line(render.flat(",".join(worker.queues))),
        render.line(str(worker.slots)),
        render.line(str(worker.running)),
        render.line(render.flat(worker.state), _COLOURS.get(worker.state, "")),
        render.line(render.rough(spent(worker.silent_for)), "yellow" if quiet else ""),
        _trouble(worker),
    ]


def _trouble(worker: WorkerRecord) -> Text:
    if worker.lost:
        return render.line("lost", "bold red")
    if worker.unreadable is not None:
        return render.line(f"cannot be read, in {worker.unreadable}", "red")
    if worker.overdue:
        return render.line("lease is over", "bold red")
    if worker.report is not None and worker.state == "hung":
        return render.line(render.flat(worker.report.reason), "bold red")
    if worker.ordered is not None and worker.state == "serving":
        return render.line(f"ordered: {worker.ordered}", "yellow")
    if worker.stalled_for:
        return render.line(f"hangs for {render.rough(spent(worker.stalled_for))}", "bold red")
    return render.line("")
