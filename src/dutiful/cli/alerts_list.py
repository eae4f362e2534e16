"""``dutiful alerts list``, ``history`` and ``rules``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.options import BULK, Common
from dutiful.cli.render import TableColumn
from dutiful.cli.target import OpenTarget, reach, resolve
from dutiful.manage.reading import micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from dutiful.manage.alert_records import AlertRecord, RuleRecord

Limit = Annotated[
    int,
    typer.Option(
        "--limit", "-n", metavar="N", min=1, max=10_000, help="How many.", rich_help_panel=BULK
    ),
]

_STYLES = {"firing": "bold red", "pending": "yellow", "resolved": "green"}
_COLUMNS = (
    TableColumn("alert", shrinks=True),
    TableColumn("about", shrinks=True),
    TableColumn("state"),
    TableColumn("since", right=True),
    TableColumn("count", right=True),
    TableColumn("what", shrinks=True),
    TableColumn("sent", shrinks=True),
)


@expand
def list_alerts(common: Common) -> None:
    """List alerts that fire or are about to, critical ones first."""

    async def body(opened: OpenTarget) -> None:
        found = await opened.app.alerts.alist()
        if common.json:
            as_json.emit([as_json.alert(one) for one in found])
        elif found:
            render.show(_table(found))
            _more(found)
        else:
            render.say(f"No alerts on {opened.url}.")

    reach(common, body)


@expand
def list_history(common: Common, limit: Limit = 50) -> None:
    """List alerts that were resolved in the last 30 days, latest first."""

    async def body(opened: OpenTarget) -> None:
        found = await opened.app.alerts.ahistory(limit)
        if common.json:
            as_json.emit([as_json.alert(one) for one in found])
        elif found:
            render.show(_table(found))
        else:
            render.say(f"No alert was resolved on {opened.url}.")

    reach(common, body)


@expand
def list_rules(common: Common) -> None:
    """List the rules with their limits; without --app only the default ones."""
    app, _ = resolve(common)
    rules = app.alerts.rules()
    if common.json:
        as_json.emit([as_json.alert_rule(one) for one in rules])
    else:
        render.show(_rules(rules))


def _table(found: Sequence[AlertRecord]) -> RenderableType:
    return render.table(_COLUMNS, [_row(one) for one in found])


def _row(one: AlertRecord) -> list[Text]:
    return [
        render.line(render.flat(one.rule), "bold" if one.severity == "critical" else ""),
        render.line(render.flat(one.subject)),
        render.line(one.state, _STYLES[one.state]),
        render.line(render.rough(max(render.now() - micros(one.since), 0))),
        render.line(f"{one.count:,}"),
        render.line(render.flat(one.title)),
        render.line(render.flat(_sent(one))),
    ]


def _sent(one: AlertRecord) -> str:
    """Say to which sinks messages were sent, and what keeps them back."""
    if one.silenced_by is not None:
        return "silenced"
    latest = {each.sink: each for each in one.deliveries}
    return ", ".join(
        sink if each.sent_at is not None else f"{sink} {'given up' if each.given_up else 'waits'}"
        for sink, each in latest.items()
    )


def _more(found: Sequence[AlertRecord]) -> None:
    commands = dict.fromkeys(one.command for one in found if one.command)
    for command in list(commands)[:3]:
        render.say(f"See `{render.flat(command)}`.", "dim")


def _rules(rules: Sequence[RuleRecord]) -> RenderableType:
    from dutiful.core.instant import spell

    columns = (
        TableColumn("rule"),
        TableColumn("above", right=True),
        TableColumn("for", right=True),
        TableColumn("severity"),
        TableColumn("measures", shrinks=True),
    )
    rows = [
        [
            render.line(render.flat(one.name), "bold" if one.own else ""),
            render.line(one.shown),
            render.line(spell(one.hold)),
            render.line(one.severity if one.on else "off", "" if one.on else "dim"),
            render.line(render.flat(one.about)),
        ]
        for one in rules
    ]
    return render.table(columns, rows)
