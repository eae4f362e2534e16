"""Bringing the store in line with what is declared."""

from __future__ import annotations

from collections import Counter
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

from .arrays import Booleans, Bytes, Longs, TextArray, columns
from .recording import record
from .statements import Texts

PATIENCE = "2s"
"""How long the server waits for the next statement before it lets go of what we have locked."""
_KINDS = (
    *(TextArray, Bytes, TextArray, Booleans, Longs, Longs, Longs, Longs, Longs, Longs, Longs),
    *(Longs, Longs, Longs, Longs, TextArray, Longs),
)
"""Of the columns of a schedule, in the order of a standing's fields."""


def declare(
    sql: Texts,
    now: int | None,
    *,
    app: str,
    edition: str,
    schedules: Sequence[Schedule] | None,
) -> Plan[Declared]:
    """Show an edition, and write its schedules if it rules."""
    at = yield from guard(sql, now)
    editions = records.editions((yield Statement(sql("editions"), (app,))).rows)
    mine = editions[edition] = shown(editions.values(), edition, at)
    if outworn := forgotten(editions.values(), at):
        yield Statement(sql("editions_forget"), (app, list(outworn)))
    ruling = rules(editions.values(), edition, at)
    answer = Declared(ruling, ruling and in_force(editions.values(), edition))
    if ruling and schedules is not None:
        declared = {one.name for one in schedules}
        ours = {row[0] for row in (yield Statement(sql("schedules_of"), (app,))).rows}
        known = yield from locked(sql, sorted(declared | ours))
        refuse_taken(known, schedules)
        changed = yield from bring(sql, schedules, known, at)
        dropped = [known[name] for name in sorted(ours - declared)]
        gone = yield from _retire(sql, dropped, at)
        mine = replace(mine, applied=1 + max(one.applied for one in editions.values()))
        names = tuple([one.standing.name for one in gone])
        missed = tuple([one.missed for one in gone if one.missed is not None])
        added = tuple([name for name in changed if name not in known])
        answer = Declared(True, True, changed, names, missed, added)
    yield Statement(sql("edition_put"), (app, *astuple(mine)))
    return answer


def guard(sql: Texts, now: int | None) -> Plan[int]:
    """Wait until nobody else puts schedules in, and return the store's time."""
    rows = (yield Statement(sql("schedules_guard"), (now, sql.schema, PATIENCE))).rows
    at: int = rows[0][0]
    return at


def locked(sql: Texts, names: Sequence[str]) -> Plan[dict[str, Standing]]:
    """Find schedules by their names and keep others from moving them."""
    rows = (yield Statement(sql("schedules_locked"), (list(names),))).rows
    return {one.name: one for one in records.standings(rows)}


def bring(
    sql: Texts, schedules: Iterable[Schedule], known: Mapping[str, Standing], now: int
) -> Plan[tuple[str, ...]]:
    """Give schedules their specs, and return the names of those that had another."""
    changed: list[Standing] = []
    for one in schedules:
        before = known.get(one.name)
        after = decide.begin(one, now) if before is None else decide.change(before, one, now)
        if after is not None:
            changed.append(after)
    yield from put(sql, changed)
    return tuple([one.name for one in changed])


def put(sql: Texts, standings: Sequence[Standing]) -> Plan[None]:
    """Write where schedules stand."""
    if standings:
        rows = [astuple(one)[: len(_KINDS)] for one in standings]
        yield Statement(sql("schedules_put"), columns(_KINDS, rows))


def _retire(sql: Texts, dropped: Sequence[Standing], now: int) -> Plan[list[Retirement]]:
    """Retire schedules, and record what they leave undone."""
    gone = [ended for one in dropped if (ended := retire(one, now)) is not None]
    numbers = Counter({ended.standing.name: ended.standing.number for ended in gone})
    undone = [(ended.standing.name, one) for ended in gone for one in ended.occurrences]
    yield from record(sql, undone, numbers, now)
    yield from put(sql, [replace(one.standing, number=numbers[one.standing.name]) for one in gone])
    return gone
