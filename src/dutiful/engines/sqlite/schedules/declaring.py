"""Bringing the store in line with what is declared."""

from __future__ import annotations

import json
from collections.abc import Sequence

from msgspec.structs import astuple, replace

from dutiful.contract.roles.schedule_store import Declared
from dutiful.core import declaration
from dutiful.core.occurrence import Standing
from dutiful.core.retirement import Retirement
from dutiful.core.schedule import Schedule
from dutiful.engines._sql import records
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.sqlite.connections.group_commit import Written
from dutiful.engines.sqlite.rows import standing_row
from dutiful.engines.sqlite.statements import sql

from .recording import record

_EDITIONS = sql("declaration_versions")
_EDITION_PUT = sql("declaration_version_put")
_EDITION_FORGET = sql("declaration_version_forget")
_SCHEDULES_NAMED = sql("schedules_named")
_SCHEDULES_OF = sql("schedules_of")
_SCHEDULE_PUT = sql("schedule_put")


def declare(
    app: str, declaration_version: str, schedules: Sequence[Schedule] | None, now: int
) -> Written[Declared]:
    """Show a declaration version, and write its schedules if it rules."""
    declaration_versions = records.declaration_versions((yield Statement(_EDITIONS, (app,))).rows)
    shown = declaration.show(declaration_versions.values(), declaration_version, now)
    if shown.forgotten:
        outworn = [(app, digest) for digest in shown.forgotten]
        yield Statement(_EDITION_FORGET, outworn, many=True)
    mine, answer = shown.declaration_version, Declared(shown.rules, shown.in_force)
    if shown.rules and schedules is not None:
        ours = records.standings((yield Statement(_SCHEDULES_OF, (app,))).rows)
        known = yield from named([one.name for one in schedules])
        known |= {one.name: one for one in ours}
        plan = declaration.declare(shown, app, schedules, known, now)
        yield from put(plan.written)
        yield from _retire(plan.retired, now)
        mine, answer = plan.declaration_version, Declared.by(plan)
    yield Statement(_EDITION_PUT, (app, *astuple(mine)))
    return answer, False


def put(standings: Sequence[Standing]) -> Plan[None]:
    """Write where schedules stand."""
    if standings:
        yield Statement(_SCHEDULE_PUT, [standing_row(one) for one in standings], many=True)


def named(names: Sequence[str]) -> Plan[dict[str, Standing]]:
    """Find schedules by their names, in the order of these."""
    rows = (yield Statement(_SCHEDULES_NAMED, (json.dumps(list(names)),))).rows
    return {one.name: one for one in records.standings(rows)}


def _retire(gone: Sequence[Retirement], now: int) -> Plan[None]:
    """Write where retired schedules stand, and record what they leave undone."""
    numbers = {ended.standing.name: ended.standing.number for ended in gone}
    undone = [(ended.standing.name, one) for ended in gone for one in ended.occurrences]
    yield from record(undone, numbers, now)
    yield from put([replace(one.standing, number=numbers[one.standing.name]) for one in gone])
