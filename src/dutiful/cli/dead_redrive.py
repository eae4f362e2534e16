"""``dutiful dead redrive``: sending dead letters back, with other arguments if wished."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer

from dutiful.cli import bulk, dead, edit, render, select
from dutiful.cli.expand import expand
from dutiful.cli.failure import Wrong
from dutiful.cli.options import BULK, All, Common, DryRun, Ids, Letters, Limit
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.state import State

Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        metavar="N/s",
        help="At most this many jobs a second: 50/s, or 600/m, 1000/h.",
        rich_help_panel=BULK,
    ),
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

_LEFT = "another live job holds the unique key, or the state has changed meanwhile"


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
) -> None:
    """Put dead letters back into their queues, with all attempts available again.

    Steps that earlier attempts recorded are not run again, unless --set changes arguments: then
    they are dropped, because they were done for the old ones.
    """
    which = read_choice("redrive", ids, letters, everything=everything, limit=limit)
    edits = edit.read_edits(changes or ())
    pace = bulk.read_rate(rate)

    async def body(opened: OpenTarget) -> None:
        from dutiful.contract.capability import Capability

        opened.store.require(Capability.REDRIVE)
        chosen = await named(opened, ids, which, "redriven")
        redrive = partial(
            opened.app.dead.aredrive, changes=edits, keep_steps=keep_steps, rate=pace, **chosen
        )
        total = None if ids else await _about(opened, letters, limit)
        order = bulk.BulkRequest("redrive", "redriven", common.json, dry_run, True, total, _LEFT)
        lost = (await bulk.carry_out(order, redrive)).steps_dropped
        if lost and not common.json:
            render.say(
                f"The steps that {render.plural(lost, 'job')} had recorded were dropped: they "
                "were done for the old arguments. --keep-steps would have kept them."
            )

    reach(common, body)


def read_choice(
    verb: str,
    ids: Sequence[str] | None,
    letters: Letters,
    *,
    everything: bool,
    limit: int | None,
) -> dict[str, Any]:
    """Return which are meant; raises Wrong unless ids, filters or --all name them."""
    ways = bool(ids) + select.narrow(letters) + everything
    if ways != 1:
        choice = "choose by ids, by filters or by --all" + (", not by two of them" if ways else "")
        raise Wrong(choice, f"such as `dutiful dead {verb} --task charge --dry-run`")
    return select.read_filter(letters, (), render.now()) | {"all": everything, "limit": limit}


async def named(
    opened: OpenTarget, ids: Sequence[str] | None, which: dict[str, Any], done: str
) -> dict[str, Any]:
    """Return the choice, with full ids where ids were given."""
    if not ids:
        return which
    return {"ids": await select.named(opened.app.jobs, ids, (State.DEAD,), done)}


async def _about(opened: OpenTarget, letters: Letters, limit: int | None) -> int:
    """Return how many there are at most, for the progress bar."""
    groups = await opened.app.dead.agroups(**dead.of_group(letters))
    total = sum(group.count for group in groups)
    return total if limit is None else min(total, limit)
