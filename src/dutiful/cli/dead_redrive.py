"""``dutiful dead redrive``: sending dead letters back, with other arguments if wished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import bulk, dead, edit, render, select
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import BULK, All, Common, DryRun, Ids, Letters, Limit
from dutiful.cli.target import Opened, reach
from dutiful.core.state import State

if TYPE_CHECKING:
    from dutiful.contract.page import Filter
    from dutiful.contract.protocol import Redrive
    from dutiful.core.job import Job

Rate = Annotated[
    str | None,
    typer.Option("--rate", metavar="N/s", help="At most this fast.", rich_help_panel=BULK),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=JSON",
        help="Change an argument: card=null, order.id=5, name='\"Ada\"'; repeatable.",
        rich_help_panel=BULK,
    ),
]
KeepSteps = Annotated[
    bool,
    typer.Option(
        "--keep-steps",
        help="Keep recorded steps and the idempotency key, though --set changes arguments.",
        rich_help_panel=BULK,
    ),
]

_LEFT = "another live job holds the unique key, or the job moved meanwhile"


@expand
def redrive_dead(
    *,
    letters: Letters,
    common: Common,
    ids: Ids = None,
    everything: All = False,
    limit: Limit = None,
    rate: Rate = None,
    changes: Set = None,
    keep_steps: KeepSteps = False,
    dry_run: DryRun = False,
) -> int:
    """Put dead letters back into their queues, with all their attempts.

    Steps that earlier attempts recorded are not run again, unless --set changes arguments: then
    they are dropped, because they were done for the old ones.
    """
    which = read_choice("redrive", ids, letters, everything=everything)
    edits = edit.read_edits(changes or ())
    pace = bulk.read_rate(rate)

    async def body(opened: Opened) -> int:
        from dutiful.contract.capability import Capability
        from dutiful.contract.protocol import Redrive

        opened.store.require(Capability.REDRIVE)
        editor = edit.Editor(edits, opened)

        lost = set[str]()

        async def redrive(batch: Sequence[Job]) -> Sequence[str]:
            jobs = [Redrive(job.id, editor.edited(job), keep_steps) for job in batch]
            changed = await opened.store.controller.redrive(jobs)
            pairs = zip(batch, jobs, strict=True)
            lost.update({job.id for job, item in pairs if _loses(job, item)} & set(changed))
            return changed

        chosen = await source(opened, ids, which, limit, "redriven")
        if edits:  # all are tried before the first is sent back
            async for batch in chosen():
                for job in batch:
                    editor.edited(job)
        total = None if ids else await _about(opened, letters, limit)
        order = bulk.Order("redrive", "redriven", common.json, dry_run, True, pace, total, _LEFT)
        code = await bulk.carry_out(order, chosen, redrive)
        if lost and not common.json:
            render.say(
                f"The steps that {render.plural(len(lost), 'job')} had recorded were dropped: they "
                "were done for the old arguments. --keep-steps would have kept them."
            )
        return code

    return reach(common, body)


def _loses(job: Job, item: Redrive) -> bool:
    """Whether recorded steps go with the arguments for which they were done."""
    from dutiful.core.replacement import Work, edited

    old = Work(job.task, job.args)
    after = edited(old, item.args, None, keep_steps=item.keep_steps)
    return job.steps > 0 and after.drops_steps


def read_choice(
    verb: str, ids: Sequence[str] | None, letters: Letters, *, everything: bool
) -> Filter:
    """Build the filter; raises Wrong unless ids, filters or --all say clearly which are meant."""
    ways = bool(ids) + select.narrow(letters) + everything
    if ways != 1:
        choice = "choose by ids, by filters or by --all" + (", not by two of them" if ways else "")
        raise Wrong(choice, f"such as `dutiful dead {verb} --task charge --dry-run`")
    return select.read_filter(letters, (State.DEAD,), render.now())


async def source(
    opened: Opened, ids: Sequence[str] | None, which: Filter, limit: int | None, done: str
) -> bulk.Source:
    """Return where the chosen dead letters come from."""
    inspector = opened.store.inspector
    if not ids:
        return lambda: select.pages(inspector, which, limit)
    found = await select.named(inspector, ids, (State.DEAD,), done)
    return lambda: select.batches(found)


async def _about(opened: Opened, letters: Letters, limit: int | None) -> int:
    """Return how many there are at most, for the progress bar."""
    total = sum(group.count for group in await dead.matching_groups(opened, letters))
    return total if limit is None else min(total, limit)
