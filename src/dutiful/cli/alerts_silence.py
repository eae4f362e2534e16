"""``dutiful alerts silence``, ``silences`` and ``unsilence``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Code, CommandFailed
from dutiful.cli.options import Common
from dutiful.cli.render import TableColumn
from dutiful.cli.target import OpenTarget, reach
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from rich.text import Text

    from dutiful.manage.alert_records import SilenceRecord

Rule = Annotated[
    str, typer.Argument(metavar="RULE", help="A rule's name, or a pattern such as 'queue-*'.")
]
Subject = Annotated[
    str,
    typer.Argument(metavar="SUBJECT", help="A queue's or task's name, or a pattern; else all."),
]
Lasts = Annotated[
    str, typer.Option("--for", metavar="SPAN", help="How long, such as 30m, 2h or 1d.")
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")]
Author = Annotated[
    str | None, typer.Option("--author", metavar="NAME", help="Who; by default $USER.")
]
Identifier = Annotated[
    str, typer.Argument(metavar="ID", help="The silence, or its first 8 or more characters.")
]


@expand
def silence_alerts(
    rule: Rule,
    common: Common,
    subject: Subject = "*",
    lasts: Lasts = "1h",
    reason: Reason = None,
    author: Author = None,
) -> None:
    """Send no messages about matching alerts for a time; they are still listed."""
    import os

    by = author or os.environ.get("USER", "")

    async def body(opened: OpenTarget) -> None:
        made = await opened.app.alerts.asilence(
            rule, subject, duration=lasts, reason=reason or "", author=by
        )
        if common.json:
            as_json.emit(as_json.silence(made))
        else:
            render.say(
                f"Silence {made.id}: no messages about {render.flat(made.rule)} "
                f"{render.flat(made.subject)} until {as_json.time(made.until)}."
            )

    reach(common, body)


@expand
def list_silences(common: Common) -> None:
    """List silences, also those that have ended in the last days."""

    async def body(opened: OpenTarget) -> None:
        found = await opened.app.alerts.asilences()
        if common.json:
            as_json.emit([as_json.silence(one) for one in found])
            return
        if not found:
            render.say(f"No silences on {opened.url}.")
            return
        columns = [TableColumn("id"), *(TableColumn(name, shrinks=True) for name in _HEADS)]
        columns.insert(3, TableColumn("ends in", right=True))
        render.show(render.table(columns, [_row(one) for one in found]))

    reach(common, body)


def _row(one: SilenceRecord) -> list[Text]:
    left = micros(one.until) - render.now()
    ends = render.rough(left) if left > 0 else "over"
    return [
        render.line(render.flat(one.id)),
        render.line(render.flat(one.rule)),
        render.line(render.flat(one.subject)),
        render.line("cannot be read" if one.unreadable else ends, "" if left > 0 else "dim"),
        render.line(render.flat(one.author)),
        render.line(render.flat(one.reason)),
    ]


_HEADS = ("rule", "subject", "author", "reason")


@expand
def unsilence_alerts(silence: Identifier, common: Common) -> None:
    """End a silence; exit code 4 when there is none of this id."""

    async def body(opened: OpenTarget) -> None:
        ended = await opened.app.alerts.aunsilence(silence)
        if common.json:
            as_json.emit({"id": silence, "ended": ended})
        elif ended:
            render.say("The silence has ended; alerts that fire are announced.")
        if not ended:
            raise CommandFailed(f"there is no silence {render.flat(silence)}", Code.NOT_FOUND)

    reach(common, body)
