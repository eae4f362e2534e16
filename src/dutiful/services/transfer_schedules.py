"""Carries schedules from one store to another, so that none fires in both."""

from __future__ import annotations

from typing import NamedTuple

from dutiful.contract.capability import Capability
from dutiful.contract.facade import Store
from dutiful.contract.roles.transfer import SHUT, Refusal, ScheduleHistory, held_shut, storable
from dutiful.core.occurrence import Standing

_PAGE = 20
"""Each may have a thousand occurrences along."""
_NAMES = 1000


class TransferredSchedules(NamedTuple):
    """What became of the schedules of the source."""

    moved: tuple[str, ...] = ()
    """Those that only the target has now."""
    kept: tuple[str, ...] = ()
    """Those left in the source: the target has another of that name, or they changed meanwhile."""
    refused: tuple[Refusal, ...] = ()
    """Those of them that the target cannot hold, and why."""


async def transfer_schedules(source: Store, target: Store) -> TransferredSchedules:
    """Fill schedules into the target, shut; delete them from the source; let them fire there.

    Whenever it ends half-way, each schedule fires in one store at most, and going over it again
    brings it to its end.
    """
    if not target.can(Capability.SCHEDULES):
        return TransferredSchedules(kept=await names(source))
    moved, kept, cursor = list[str](), list[str](), None
    refused, other = list[Refusal](), await source.exporter.identity()
    while source.can(Capability.SCHEDULES):
        page = await source.exporter.dump_schedules(_PAGE, cursor)
        gone, unfit = await _hand_over(source, target, page.histories)
        moved += gone
        refused += unfit
        kept += [one.standing.name for one in page.histories if one.standing.name not in gone]
        cursor = page.cursor
        if cursor is None:
            break
    # Also those of an earlier run that ended just before this step.
    shut = [one.name for one in await _standings(target) if one.paused_at == SHUT]
    await target.importer.reopen_schedules([name for name in shut if name not in kept], other)
    return TransferredSchedules(tuple(moved), tuple(kept), tuple(refused))


async def names(store: Store) -> tuple[str, ...]:
    """Name a store's schedules."""
    return tuple([one.name for one in await _standings(store)])


async def _hand_over(
    source: Store, target: Store, histories: tuple[ScheduleHistory, ...]
) -> tuple[tuple[str, ...], tuple[Refusal, ...]]:
    """Delete from the source what the target has and the source has not changed.

    A schedule that cannot be read stays.
    """
    histories = tuple([history for history in histories if history.standing.unreadable is None])
    filled = await target.importer.fill_schedules(histories, await source.exporter.identity())
    write = target.importer.storable
    asked = [history.standing.name for history in histories]
    there = set(await target.schedules.standings(asked))
    still = set(await source.schedules.standings(asked))
    same = [
        history.standing.name
        for history in histories
        if history.standing in still and held_shut(storable(history, write).standing) in there
    ]
    return (await source.schedules.delete_schedules(same)).names, filled.refused


async def _standings(store: Store) -> list[Standing]:
    found, after = list[Standing](), ""
    while store.can(Capability.SCHEDULES):
        page = await store.schedules.standings(None, _NAMES, after)
        found += page
        if len(page) < _NAMES:
            break
        after = page[-1].name
    return found
