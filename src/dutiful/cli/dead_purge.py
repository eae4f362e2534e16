"""``dutiful dead purge``: deleting dead letters for good."""

from __future__ import annotations

from functools import partial

from dutiful.cli import bulk, dead_redrive
from dutiful.cli.expand import expand
from dutiful.cli.options import All, Common, DryRun, Ids, Letters, Limit, Yes
from dutiful.cli.target import OpenTarget, reach


@expand
def purge_dead(
    letters: Letters,
    common: Common,
    ids: Ids = None,
    everything: All = False,
    limit: Limit = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Delete dead letters with their errors and steps; this cannot be undone."""
    which = dead_redrive.read_choice("purge", ids, letters, everything=everything, limit=limit)

    async def body(opened: OpenTarget) -> None:
        from dutiful.contract.capability import Capability

        opened.store.require(Capability.PURGE)
        chosen = await dead_redrive.named(opened, ids, which, "purged")
        order = bulk.BulkRequest("purge", "purged", common.json, dry_run, yes)
        await bulk.carry_out(order, partial(opened.app.dead.apurge, **chosen))

    reach(common, body)
