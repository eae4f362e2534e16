"""``dutiful check``: the health of the store, of workers, of queues; also for probes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import as_json, render
from dutiful.cli.expand import expand
from dutiful.cli.failure import Code, CommandFailed, Wrong
from dutiful.cli.options import Common
from dutiful.cli.target import OpenTarget, reach
from dutiful.core.instant import span
from dutiful.core.queue import queue_name

if TYPE_CHECKING:
    from dutiful.contract.page import Finding

PROBES = "Check only"


@dataclass(frozen=True, kw_only=True)
class Probes:
    """What to look at, instead of all."""

    worker: Annotated[
        list[str],
        typer.Option(
            "--worker",
            metavar="NAME",
            help="This worker, by its id or the beginning of it; repeatable.",
            rich_help_panel=PROBES,
        ),
    ] = field(default_factory=list[str])
    here: Annotated[
        bool,
        typer.Option(
            "--here",
            help="The workers of this host, or of this container.",
            rich_help_panel=PROBES,
        ),
    ] = False
    queue: Annotated[
        list[str],
        typer.Option(
            "--queue",
            "-Q",
            metavar="NAME",
            help="This queue: served if it holds due jobs; repeatable.",
            rich_help_panel=PROBES,
        ),
    ] = field(default_factory=list[str])
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age",
            metavar="SPAN",
            help="No due job of --queue waits for longer, such as 5m.",
            rich_help_panel=PROBES,
        ),
    ] = None


@expand
def check(probes: Probes, common: Common) -> None:
    """Check the store, its workers and its queues; exit code 1 when a finding is bad."""
    queues = [queue_name(name) for name in probes.queue]
    if probes.max_age is not None and not queues:
        raise Wrong("--max-age belongs to --queue", "name the queue, such as --queue billing")
    age_max = None if probes.max_age is None else span(probes.max_age)
    narrow = bool(probes.worker or probes.here or queues)

    async def body(opened: OpenTarget) -> None:
        findings = await _probe(opened, probes, queues, age_max) if narrow else await _all(opened)
        if common.json:
            as_json.emit([as_json.finding(finding) for finding in findings])
        else:
            render.show(render.findings(findings))
        bad = [finding.name for finding in findings if not finding.ok]
        if bad:
            raise CommandFailed(
                f"{render.plural(len(bad), 'finding')} bad: {', '.join(bad)}", Code.BAD
            )

    reach(common, body, migrate=narrow)


async def _all(opened: OpenTarget) -> tuple[Finding, ...]:
    from dutiful.composition import ignored_engines

    return (*await opened.store.check(), *ignored_engines())


async def _probe(
    opened: OpenTarget, probes: Probes, queues: list[str], age_max: int | None
) -> tuple[Finding, ...]:
    from dutiful.manage.probes import probe_queues, probe_workers

    store = opened.store
    found: tuple[Finding, ...] = ()
    if probes.worker or probes.here:
        found += await probe_workers(store, probes.worker, here=probes.here)
    if queues:
        found += await probe_queues(store, queues, age_max, render.now())
    return found
