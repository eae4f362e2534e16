"""``dutiful workers quiet``, ``drain`` and ``resume``: orders to workers, from anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Code, CommandFailed, Wrong
from dutiful.cli.options import BULK, Common
from dutiful.cli.target import OpenTarget, reach
from dutiful.manage.reading import spent
from dutiful.manage.worker_orders import Verb

if TYPE_CHECKING:
    from dutiful.manage.worker_records import Ordered

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME", help="Ids of workers, or the beginning of one.", show_default=False
    ),
]


@dataclass(frozen=True, kw_only=True)
class Which:
    """Which workers, beside those that are named, and whether to wait for them."""

    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help="All workers of this host.")
    ] = None
    all: Annotated[bool, typer.Option("--all", help="All workers.")] = False
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait until they have carried it out.", rich_help_panel=BULK),
    ] = False
    timeout: Annotated[
        str,
        typer.Option(
            "--timeout", metavar="SPAN", help="How long --wait waits.", rich_help_panel=BULK
        ),
    ] = "60s"


_DONE = {"quiet": "quiet", "drain": "drained", "resume": "serving again"}


@expand
def quiet_workers(which: Which, common: Common, names: Names = None) -> None:
    """Let workers claim no more jobs; running jobs continue, until `resume`."""
    _order("quiet", names, which, common)


@expand
def drain_workers(which: Which, common: Common, names: Names = None) -> None:
    """End workers as SIGTERM does; a supervisor (-p) does not replace them."""
    _order("drain", names, which, common)


@expand
def resume_workers(which: Which, common: Common, names: Names = None) -> None:
    """Let quiet workers claim jobs again."""
    _order("resume", names, which, common)


def _order(verb: Verb, names: list[str] | None, which: Which, common: Common) -> None:
    if bool(names) + (which.host is not None) + which.all != 1:
        advice = "name workers, or give --host or --all; `dutiful workers list` shows the names"
        raise Wrong("which workers are meant is not clear", advice)

    async def body(opened: OpenTarget) -> None:
        workers = opened.app.workers
        give = {"quiet": workers.aquiet, "drain": workers.adrain, "resume": workers.aresume}[verb]
        wait = which.timeout if which.wait else None
        done = await give(*names or (), host=which.host, all=which.all, wait=wait)
        if common.json:
            as_json.emit(as_json.ordered(done))
        else:
            _tell(done, waited=which.wait)
        if which.wait and done.pending:
            raise CommandFailed(
                f"{render.plural(len(done.pending), 'worker')} did not carry it out within "
                f"{which.timeout}: {', '.join(done.pending)}",
                Code.BAD,
                "the order stays; a worker of an older release obeys none, see "
                "`dutiful workers list`",
            )

    reach(common, body)


def _tell(done: Ordered, *, waited: bool) -> None:
    within = render.rough(spent(done.within))
    for worker in done.workers:
        if not waited:
            render.say(f"Worker {worker}: {done.order} ordered; it obeys within {within}.")
        elif worker not in done.pending:
            render.say(f"Worker {worker} is {_DONE[done.order]}.")
    if not done.workers:
        render.say("There is no live worker.")
