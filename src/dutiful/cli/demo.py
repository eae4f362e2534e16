"""``dutiful demo``: see what the package is for in half a minute."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli.failure import Code, CommandFailed, Interrupted
from dutiful.cli.render import STATE_STYLES
from dutiful.demo.failure import DemoFailed, DemoStopped
from dutiful.servers.failure import ServerFailed, ServerMissing

if TYPE_CHECKING:
    from dutiful.demo.status import View

WORKERS_MAX = 8


class DemoEngine(StrEnum):
    """The engines that the demo can start by itself."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"


def demo(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    naive: Annotated[
        bool, typer.Option("--naive", help="Switch the protections off, and see what goes wrong.")
    ] = False,
    orders: Annotated[
        Path | None,
        typer.Option(
            "--orders",
            metavar="FILE",
            help="Your own orders: a CSV file with order_id, card, cents, currency.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", help="Which faults happen; each number has its own."),
    ] = 22,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            max=WORKERS_MAX,
            help="How many worker processes to start.",
        ),
    ] = 2,
    engine: Annotated[
        DemoEngine,
        typer.Option("--engine", help="Where jobs are stored; a PostgreSQL server is started."),
    ] = DemoEngine.SQLITE,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the folder, so that you can look at the jobs.")
    ] = False,
) -> int:
    """Charge 2,000 orders once each, while the gateway fails and a worker is killed."""
    from dutiful.demo.orders import read_orders
    from dutiful.demo.run import run_demo
    from dutiful.demo.scenario import DemoPlan
    from dutiful.demo.shop import shop_folder

    chosen = read_orders(orders or shop_folder() / "orders.csv")
    plan = DemoPlan(orders=chosen, workers=workers, seed=seed, naive=naive)
    try:
        verdict = run_demo(plan, _view(json), engine=engine, keep=keep)
    except KeyboardInterrupt as stop:
        raise Interrupted(str(stop)) from None
    except DemoStopped as stopped:
        raise CommandFailed(str(stopped), Code.INTERRUPTED) from None
    except ServerMissing as missing:
        raise CommandFailed(str(missing), Code.USAGE) from None
    except (DemoFailed, ServerFailed) as failed:
        raise CommandFailed(str(failed), Code.FAULT) from failed
    return Code.OK if verdict.ok else Code.BAD


def _view(as_json: bool) -> View:
    from rich.console import Console

    from dutiful.demo.live_view import LiveView
    from dutiful.demo.text_views import JsonView, PlainView

    if as_json:
        return JsonView(sys.stdout)
    console = Console(highlight=False, emoji=False, markup=False)
    roomy = console.width >= LiveView.WIDTH_MIN and console.height >= LiveView.HEIGHT_MIN
    capable = sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
    if capable and roomy and console.encoding.startswith("utf"):
        return LiveView(console, STATE_STYLES)
    return PlainView(sys.stdout)
