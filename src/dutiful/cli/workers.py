"""``dutiful workers``: who works, on what, and who fell silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.options import Common
from dutiful.cli.render import Column
from dutiful.cli.target import Opened, reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.contract.fleet import WorkerStatus

_COLUMNS = (
    Column("worker", shrinks=True),
    Column("host", shrinks=True),
    Column("pid", right=True),
    Column("queues", shrinks=True),
    Column("slots", right=True),
    Column("running", right=True),
    Column("silent for", right=True),
    Column(""),
)


@expand
def list_workers(common: Common) -> None:
    """List workers, the lost ones that still hold jobs included."""

    async def body(opened: Opened) -> None:
        workers = await opened.store.fleet.workers()
        if common.json:
            as_json.emit([as_json.worker(worker) for worker in workers])
        elif workers:
            render.show(_table(workers))
        else:
            render.say(f"No workers on {opened.url}. Start one: `dutiful worker shop.jobs:app`.")

    reach(common, body)


def _table(workers: Sequence[WorkerStatus]) -> RenderableType:
    return render.table(_COLUMNS, [_row(worker) for worker in workers])


def _row(worker: WorkerStatus) -> list[Text]:
    info = worker.info
    quiet = worker.silent_for > info.lease // 2
    return [
        render.line(render.flat(info.id)),
        render.line(render.flat(info.host)),
        render.line(str(info.pid or "")),
        render.line(render.flat(",".join(info.queues))),
        render.line(str(info.concurrency)),
        render.line(str(worker.running)),
        render.line(render.rough(worker.silent_for), "yellow" if quiet else ""),
        _trouble(worker),
    ]


def _trouble(worker: WorkerStatus) -> Text:
    if worker.lost:
        return render.line("lost", "bold red")
    if worker.unreadable is not None:
        return render.line(f"cannot be read, in {worker.unreadable}", "red")
    if worker.overdue:
        return render.line("lease is over", "bold red")
    if worker.stalled_for:
        return render.line(f"hangs for {render.rough(worker.stalled_for)}", "bold red")
    return render.line("")
