"""The options that commands share: where the store is, which jobs are meant, how much."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import typer

STORE = "Store and output"
FILTERS = "Which jobs"
BULK = "How"


@dataclass(frozen=True, kw_only=True)
class Common:
    """What every command takes."""

    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            metavar="URL",
            help="The store, such as sqlite:///jobs.db; by default DUTIFUL_URL or [tool.dutiful].",
            rich_help_panel=STORE,
        ),
    ] = None
    app: Annotated[
        str | None,
        typer.Option(
            "--app",
            metavar="MODULE:NAME",
            help="Your App, such as shop.jobs:app; by default DUTIFUL_APP or [tool.dutiful].",
            rich_help_panel=STORE,
        ),
    ] = None
    json: Annotated[
        bool,
        typer.Option("--json", help="Print one JSON value.", rich_help_panel=STORE),
    ] = False


def _complete_state(incomplete: str) -> list[str]:
    from dutiful.core.state import State

    return [state.word for state in State if state.word.startswith(incomplete)]


States = Annotated[
    list[str],
    typer.Option(
        "--state",
        "-s",
        metavar="STATE",
        help="In this state, such as dead; repeatable.",
        rich_help_panel=FILTERS,
        autocompletion=_complete_state,
    ),
]


@dataclass(frozen=True, kw_only=True)
class Letters:
    """Which dead letters; every part that is given must hold."""

    queue: Annotated[
        list[str],
        typer.Option(
            "--queue",
            "-Q",
            metavar="NAME",
            help="In this queue; repeatable.",
            rich_help_panel=FILTERS,
        ),
    ] = field(default_factory=list[str])
    task: Annotated[
        list[str],
        typer.Option(
            "--task",
            "-t",
            metavar="NAME",
            help="Of this task; repeatable.",
            rich_help_panel=FILTERS,
        ),
    ] = field(default_factory=list[str])
    tag: Annotated[
        str | None,
        typer.Option("--tag", metavar="TAG", help="With this tag.", rich_help_panel=FILTERS),
    ] = None
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason",
            metavar="REASON",
            help="With this reason: attempts-spent, discarded, worker-lost, …",
            rich_help_panel=FILTERS,
        ),
    ] = None
    error: Annotated[
        str | None,
        typer.Option(
            "--error",
            metavar="TYPE",
            help="With a latest error of this type, such as TimeoutError.",
            rich_help_panel=FILTERS,
        ),
    ] = None
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="Died at or after: 2h, 7d, or 2026-03-01T09:00.",
            rich_help_panel=FILTERS,
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="WHEN", help="Died before this time.", rich_help_panel=FILTERS
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Chosen(Letters):
    """Which jobs; every part that is given must hold."""

    unreadable: Annotated[
        bool,
        typer.Option(
            "--unreadable",
            help="Only jobs whose rows cannot be read; another program wrote them.",
            rich_help_panel=FILTERS,
        ),
    ] = False
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="Enqueued at or after: 2h, 7d, or 2026-03-01T09:00.",
            rich_help_panel=FILTERS,
        ),
    ] = None
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="WHEN", help="Enqueued before this time.", rich_help_panel=FILTERS
        ),
    ] = None
    state: States = field(default_factory=list[str])
    worker: Annotated[
        str | None,
        typer.Option("--worker", metavar="ID", help="Run by this worker.", rich_help_panel=FILTERS),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Paging:
    """Which part of a long list."""

    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            "-n",
            metavar="N",
            min=1,
            max=10_000,
            help="How many to list on a page.",
            rich_help_panel=BULK,
        ),
    ] = 50
    page: Annotated[
        int,
        typer.Option(
            "--page", metavar="N", min=1, help="Which page to list.", rich_help_panel=BULK
        ),
    ] = 1
    cursor: Annotated[
        str | None,
        typer.Option(
            "--cursor",
            metavar="CURSOR",
            help="Continue after the page that printed this cursor.",
            rich_help_panel=BULK,
        ),
    ] = None


Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID", help="Ids, or their first 8 or more characters.", show_default=False
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Count only; change nothing.", rich_help_panel=BULK)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=BULK)]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", "-n", metavar="N", min=1, help="At most this many jobs.", rich_help_panel=BULK
    ),
]
All = Annotated[bool, typer.Option("--all", help="All dead letters.", rich_help_panel=FILTERS)]
