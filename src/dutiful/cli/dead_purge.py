"""``dutiful dead purge``: deleting dead letters for good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dutiful.cli import bulk, dead_redrive
from dutiful.cli.expand import expand
from dutiful.cli.options import All, Common, DryRun, Ids, Letters, Limit, Yes
from dutiful.cli.target import Opened, reach

if TYPE_CHECKING:
    from dutiful.core.job import Job


@expand
def purge_dead(
    letters: Letters,
    common: Common,
    ids: Ids = None,
    everything: All = False,
    limit: Limit = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Delete dead letters with their errors and steps; they cannot be brought back."""
    which = dead_redrive.read_choice("purge", ids, letters, everything=everything)

    async def body(opened: Opened) -> int:
        from dutiful.contract.capability import Capability

        opened.store.require(Capability.PURGE)

        async def purge(batch: Sequence[Job]) -> Sequence[str]:
            return await opened.store.controller.purge([job.id for job in batch])

        source = await dead_redrive.source(opened, ids, which, limit, "purged")
        order = bulk.Order("purge", "purged", common.json, dry_run, yes)
        return await bulk.carry_out(order, source, purge)

    return reach(common, body)
