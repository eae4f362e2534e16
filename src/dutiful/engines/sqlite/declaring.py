"""Bringing the store in line with what is declared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import astuple, replace

from dutiful.contract import records
from dutiful.contract.scheduling import Declared
from dutiful.contract.statement import Plan, Statement
from dutiful.core import advance as decide
from dutiful.core.edition import forgotten, in_force, rules, shown
from dutiful.core.occurrence import Standing
from dutiful.core.ownership import refuse_taken
from dutiful.core.retirement import Retirement, retire
from dutiful.core.schedule import Schedule

from .group import Written
from .recording import record
from .rows import standing_row
from .statements import sql

_EDITIONS = sql("editions")
_EDITION_PUT = sql("edition_put")
_EDITION_FORGET = sql("edition_forget")
_SCHEDULES_NAMED = sql("schedules_named")
_SCHEDULES_OF = sql("schedules_of")
_SCHEDULE_PUT = sql("schedule_put")


def declare(
    app: str, edition: str, schedules: Sequence[Schedule] | None, now: int
) -> Written[Declared]:
    """Show an edition, and write its schedules if it rules."""
    editions = records.editions((yield Statement(_EDITIONS, (app,))).rows)
    mine = editions[edition] = shown(editions.values(), edition, now)
    if outworn := forgotten(editions.values(), now):
        yield Statement(_EDITION_FORGET, [(app, digest) for digest in outworn], many=True)
    ruling = rules(editions.values(), edition, now)
    answer = Declared(ruling, ruling and in_force(editions.values(), edition))
    if ruling and schedules is not None:
        known = yield from named([one.name for one in schedules])
        refuse_taken(known, schedules)
        changed = yield from bring(schedules, known, now)
        gone = yield from _retire(app, {one.name for one in schedules}, now)
        mine = replace(mine, applied=1 + max(one.applied for one in editions.values()))
        names = tuple([one.standing.name for one in gone])
        missed = tuple([one.missed for one in gone if one.missed is not None])
        added = tuple([name for name in changed if name not in known])
        answer = Declared(True, True, changed, names, missed, added)
    yield Statement(_EDITION_PUT, (app, *astuple(mine)))
    return answer, False


def bring(
    schedules: Iterable[Schedule], known: Mapping[str, Standing], now: int
) -> Plan[tuple[str, ...]]:
    """Give schedules their specs, and return the names of those that had another."""
    changed: list[Standing] = []
    for one in schedules:
        before = known.get(one.name)
        after = decide.begin(one, now) if before is None else decide.change(before, one, now)
        if after is not None:
            changed.append(after)
    yield from put(changed)
    return tuple([one.name for one in changed])


def put(standings: Sequence[Standing]) -> Plan[None]:
    """Write where schedules stand."""
    if standings:
        yield Statement(_SCHEDULE_PUT, [standing_row(one) for one in standings], many=True)


def named(names: Sequence[str]) -> Plan[dict[str, Standing]]:
    """Find schedules by their names, in the order of these."""
    rows = (yield Statement(_SCHEDULES_NAMED, (json.dumps(list(names)),))).rows
    return {one.name: one for one in records.standings(rows)}


def _retire(app: str, declared: set[str], now: int) -> Plan[list[Retirement]]:
    """Retire those of the app that are declared no more, and record what they leave undone."""
    rows = (yield Statement(_SCHEDULES_OF, (app,))).rows
    dropped = [one for one in records.standings(rows) if one.name not in declared]
    gone = [ended for one in dropped if (ended := retire(one, now)) is not None]
    numbers = {ended.standing.name: ended.standing.number for ended in gone}
    undone = [(ended.standing.name, one) for ended in gone for one in ended.occurrences]
    yield from record(undone, numbers, now)
    yield from put([replace(one.standing, number=numbers[one.standing.name]) for one in gone])
    return gone
