"""Bringing the store in line with what is declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import astuple, replace

from dutiful.contract.roles.schedule_store import Declared
from dutiful.core import declaration
from dutiful.core.occurrence import Standing
from dutiful.core.retirement import Retirement
from dutiful.core.schedule import Schedule
from dutiful.engines._sql import records
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.arrays import Booleans, Bytes, Longs, TextArray, columns
from dutiful.engines.postgres.statements import Texts

from .recording import record

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
    declaration_version: str,
    schedules: Sequence[Schedule] | None,
) -> Plan[Declared]:
    """Show a declaration version, and write its schedules if it rules."""
    at = yield from guard(sql, now)
    declaration_versions = records.declaration_versions(
        (yield Statement(sql("declaration_versions"), (app,))).rows
    )
    shown = declaration.show(declaration_versions.values(), declaration_version, at)
    if shown.forgotten:
        yield Statement(sql("declaration_versions_forget"), (app, list(shown.forgotten)))
    mine, answer = shown.declaration_version, Declared(shown.rules, shown.in_force)
    if shown.rules and schedules is not None:
        ours = {row[0] for row in (yield Statement(sql("schedules_of"), (app,))).rows}
        known = yield from locked(sql, sorted(ours | {one.name for one in schedules}))
        plan = declaration.declare(shown, app, schedules, known, at)
        yield from put(sql, plan.written)
        yield from _retire(sql, plan.retired, at)
        mine, answer = plan.declaration_version, Declared.by(plan)
    yield Statement(sql("declaration_version_put"), (app, *astuple(mine)))
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


def put(sql: Texts, standings: Sequence[Standing]) -> Plan[None]:
    """Write where schedules stand."""
    if standings:
        rows = [astuple(one)[: len(_KINDS)] for one in standings]
        yield Statement(sql("schedules_put"), columns(_KINDS, rows))


def _retire(sql: Texts, gone: Sequence[Retirement], now: int) -> Plan[None]:
    """Write where retired schedules stand, and record what they leave undone."""
    numbers = Counter({ended.standing.name: ended.standing.number for ended in gone})
    undone = [(ended.standing.name, one) for ended in gone for one in ended.occurrences]
    yield from record(sql, undone, numbers, now)
    yield from put(sql, [replace(one.standing, number=numbers[one.standing.name]) for one in gone])
