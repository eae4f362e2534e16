"""``dutiful jobs cancel``: ending jobs by id or by filter."""

from __future__ import annotations

from functools import partial

from dutiful.cli import bulk, render, select
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import Chosen, Common, DryRun, Ids, Limit, Yes
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.state import LIVE


@expand
def cancel_jobs(
    chosen: Chosen,
    common: Common,
    ids: Ids = None,
    limit: Limit = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Cancel waiting jobs, and request the cancellation of running ones."""
    if bool(ids) == select.narrow(chosen):
        choice = "choose by ids or by a filter, not both" if ids else "no job is chosen"
        raise Wrong(choice, "such as `dutiful jobs cancel --queue reports --dry-run`")
    states = select.read_states(chosen.state)
    if any(state.final for state in states):
        raise Wrong("a job that has ended cannot be cancelled", "choose among live states")
    which = select.read_filter(chosen, states, render.now())

    async def body(opened: OpenTarget) -> None:
        from dutiful.contract.capability import Capability

        opened.store.require(Capability.CANCEL)
        jobs = opened.app.jobs
        cancel = partial(jobs.acancel, limit=limit, **which)
        if ids:
            cancel = partial(jobs.acancel, await select.named(jobs, ids, LIVE, "cancelled"))
        order = bulk.BulkRequest("cancel", "cancelled", common.json, dry_run, yes or bool(ids))
        await bulk.carry_out(order, cancel)

    reach(common, body)
