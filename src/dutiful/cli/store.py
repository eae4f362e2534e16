"""``dutiful migrate``: brings the schema of the store up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.options import BULK, Common
from dutiful.cli.target import OpenTarget, reach

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="List pending migrations, and run nothing.", rich_help_panel=BULK
    ),
]


Sql = Annotated[
    bool,
    typer.Option("--sql", help="Print the SQL of pending migrations, and run nothing."),
]


Contract = Annotated[
    bool,
    typer.Option(
        "--contract",
        help="Also remove what other releases use, even if a worker of one is alive.",
    ),
]


@expand
def migrate(
    common: Common, dry_run: DryRun = False, sql: Sql = False, contract: Contract = False
) -> None:
    """Bring the store's schema up to date; list pending migrations with --dry-run."""

    async def body(opened: OpenTarget) -> None:
        schema = opened.store.schema
        if sql:
            script = await schema.script(contract=contract)
            if common.json:
                as_json.emit({"sql": script})
            else:
                typer.echo(script or f"-- {opened.url} is up to date.")
            return
        names = await schema.migrate(dry_run=dry_run, contract=contract)
        held = await schema.migrate(dry_run=True, contract=True)
        if dry_run:
            held = tuple(name for name in held if name not in names)
        if common.json:
            as_json.emit({"migrations": list(names), "held": list(held), "dry_run": dry_run})
            return
        for name in names:
            render.say(f"{'would apply' if dry_run else 'applied'}  {name}")
        for name in held:
            render.say(f"held back  {name}")
        if held:
            render.say(
                "It removes what other releases use, and a worker of one is alive (see "
                "`dutiful workers list --json`). Run this again when that worker has ended, or "
                "with --contract."
            )
        elif not names:
            render.say(f"{opened.url} is up to date.")

    reach(common, body, migrate=False)
