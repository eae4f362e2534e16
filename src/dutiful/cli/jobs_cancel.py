"""``dutiful jobs cancel``: ending jobs by id or by filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dutiful.cli import bulk, render, select
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import Chosen, Common, DryRun, Ids, Limit, Yes
from dutiful.cli.target import Opened, reach
from dutiful.core.state import LIVE

if TYPE_CHECKING:
    from dutiful.contract.page import Filter
    from dutiful.core.job import Job


@expand
def cancel_jobs(
    chosen: Chosen,
    common: Common,
    ids: Ids = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Cancel jobs that wait, and ask for the end of those that run."""
    if bool(ids) == select.narrow(chosen):
        choice = "choose by ids or by a filter, not both" if ids else "no job is chosen"
        raise Wrong(choice, "such as `dutiful jobs cancel --queue reports --dry-run`")
    states = select.read_states(chosen.state) or LIVE
    if any(state.final for state in states):
        raise Wrong("a job that has ended cannot be cancelled", "choose among live states")
    which = select.read_filter(chosen, states, render.now())

    async def body(opened: Opened) -> int:
        async def cancel(batch: Sequence[Job]) -> Sequence[str]:
            return await opened.store.controller.cancel([job.id for job in batch])

        chosen_jobs = await _chosen(opened, ids or (), which, limit)
        order = bulk.Order("cancel", "cancelled", common.json, dry_run, yes or bool(ids))
        return await bulk.carry_out(order, chosen_jobs, cancel)

    return reach(common, body)


async def _chosen(
    opened: Opened, ids: Sequence[str], which: Filter, limit: int | None
) -> bulk.Source:
    inspector = opened.store.inspector
    if not ids:
        return lambda: select.pages(inspector, which, limit)
    found = await select.named(inspector, ids, LIVE, "cancelled")
    return lambda: select.batches(found)
