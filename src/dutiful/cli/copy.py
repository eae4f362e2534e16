"""``dutiful copy``: every job of one store into another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dutiful.cli import copied
from dutiful.cli.bulk import bar
from dutiful.cli.copied import Asked, Outcome
from dutiful.cli.failure import CommandFailed, Interrupted, Wrong
from dutiful.cli.options import BULK, STORE
from dutiful.cli.render import plural
from dutiful.contract.capability import Capability
from dutiful.core.url import in_process, public

if TYPE_CHECKING:
    from dutiful import App
    from dutiful.contract.facade import Store
    from dutiful.services.copy_store import Poured, StoreCopy, Survey

From = Annotated[
    str, typer.Argument(metavar="FROM", help="URL of the store to copy, such as sqlite:///jobs.db.")
]
To = Annotated[
    str,
    typer.Argument(metavar="TO", help="URL of the store to fill; it is created if it is missing."),
]
Move = Annotated[
    bool,
    typer.Option(
        "--move",
        help="Then delete the jobs from FROM, so that TO runs them; move schedules, too.",
        rich_help_panel=BULK,
    ),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify", help="Read every job from TO again and compare it.", rich_help_panel=BULK
    ),
]
Rescue = Annotated[
    bool,
    typer.Option(
        "--rescue",
        help="First rescue running jobs whose workers are dead; an attempt is spent.",
        rich_help_panel=BULK,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Count only; change nothing.", rich_help_panel=BULK)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.", rich_help_panel=STORE)]


def copy(
    source: From,
    target: To,
    *,
    move: Move = False,
    verify: Verify = False,
    rescue: Rescue = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Copy all jobs and pauses of FROM to TO, between any two engines, and compare the counts.

    Stop the workers of FROM first. Queues with jobs to run are paused in both stores until --move,
    so that no job runs in both. A second run continues the first.
    """
    import asyncio

    from dutiful import App

    asked = Asked(public(source), public(target), move, verify, dry_run, json)
    for url in (source, target):
        if in_process(url):
            raise Wrong(f"{public(url)} is lost when its process ends", "name a store that stays")
    if source == target:
        raise Wrong("FROM and TO are the same store", "name another one")

    async def session() -> Outcome:
        apps = App(source), App(target)
        try:
            if dry_run:
                return await _look(asked, *apps)
            await apps[0].open(create=False)
            for app, needed in zip(apps, (Capability.EXPORT, Capability.IMPORT), strict=True):
                app.store.require(needed)
            await apps[1].open()
            return await _copy(asked, apps[0].store, apps[1].store, rescue=rescue)
        finally:
            for app in apps:
                await app.close()

    try:
        return copied.tell(asked, asyncio.run(session()))
    except KeyboardInterrupt as stop:
        advice = "run the same command again to go on with the rest"
        raise Interrupted("jobs that were copied stay", advice) from stop


async def _look(asked: Asked, source: App, target: App) -> Outcome:
    """Count what would be copied; an absent store stays absent, an old one as it is."""
    from dutiful.services.copy_store import Counts, Poured, Survey, survey
    from dutiful.services.verify_copy import lines

    await _reach(source, asked.source)
    found = await survey(source.store)
    there = Survey(Counts(), ())
    if await _reach(target, asked.target, absent=True):
        there = await survey(target.store)
    would = Poured(found.counts, found.counts, 0, ())
    obstacle = _obstacle(asked, found)
    return Outcome(lines(would, found, there), would, schedules=found.schedules, obstacle=obstacle)


async def _reach(app: App, url: str, *, absent: bool = False) -> bool:
    """Open a store that can be read as it stands; False where it is absent and may be."""
    from dutiful.contract.roles.schema import founds, needed

    app.store.require(Capability.IMPORT if absent else Capability.EXPORT)
    schema = app.store.engine.schema
    wanted = () if schema is None else await schema.migrate(dry_run=True)
    new = founds(wanted)
    if absent and new:
        return False
    if not new and (lacks := needed(wanted)):
        raise CommandFailed(
            f"{url} is of an older release and lacks {', '.join(lacks)}; nothing was changed",
            advice="run `dutiful migrate` on it first; a copy without --dry-run does so by itself",
        )
    await app.open(create=False)
    return True


async def _copy(asked: Asked, source: Store, target: Store, *, rescue: bool) -> Outcome:
    """Shut, pour and compare; then hand over if that was asked for and nothing is amiss."""
    import random

    from dutiful.contract.clock import SystemClock
    from dutiful.services.copy_store import StoreCopy, survey

    found = await survey(source)
    copier = StoreCopy(source, target)
    await copier.tell_apart()
    if rescue and not found.alive:
        await copier.rescue(SystemClock(), random.SystemRandom())
        found = await survey(source)
    if obstacle := _obstacle(asked, found):
        raise obstacle
    await copier.shut()
    gone = await _pruned(target)
    with bar(None if asked.json else "copy", found.counts.total()) as copier.advance:
        poured = await copier.pour()
    outcome = await _compare(asked, copier, poured, gone)
    outcome.schedules = found.schedules
    if asked.move and outcome.agrees:
        with bar(None if asked.json else "move", found.counts.total()) as copier.advance:
            outcome.handed = await copier.hand_over()
        outcome.left = (await survey(source)).counts.total() - len(outcome.refused)
    outcome.queues = tuple(sorted(copier.queues))
    return outcome


async def _compare(asked: Asked, copier: StoreCopy, poured: Poured, gone: int) -> Outcome:
    from dutiful.services.copy_store import survey
    from dutiful.services.verify_copy import lines, missing, read_back

    source, target = [await survey(store) for store in copier.stores]
    outcome = Outcome(lines(poured, source, target), poured)
    outcome.running = source.running
    outcome.missing = missing(outcome.lines, await _pruned(copier.stores[1]) - gone)
    if asked.verify:
        label = None if asked.json else "verify"
        with bar(label, source.counts.total()) as copier.advance:
            refused = frozenset(refusal.id for refusal in poured.refused)
            outcome.reading = await read_back(copier, refused)
    return outcome


async def _pruned(store: Store) -> int:
    tally = await store.inspector.tally()
    return tally["pruned"] + tally["purged"]


def _obstacle(asked: Asked, found: Survey) -> CommandFailed | None:
    """Say why the jobs of a store cannot be copied now."""
    if found.alive:
        who = ", ".join(worker.info.id for worker in found.alive[:5])
        return CommandFailed(
            f"{plural(len(found.alive), 'worker')} of {asked.source} still alive: {who}",
            advice="stop them first; a drain releases their jobs unspent",
        )
    if found.running:
        return CommandFailed(
            f"{plural(found.running, 'job')} of {asked.source} still running, "
            "and their workers are dead",
            advice="add --rescue to rescue them as a worker would: the attempt is spent",
        )
    return None
