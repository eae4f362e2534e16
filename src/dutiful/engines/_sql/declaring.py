"""Changes of schedules: `core.declaration` decides each, these plans read and write."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from dutiful.contract.roles.schedule_store import Declared, Deleted
from dutiful.core import declaration, retirement
from dutiful.core.advance import Switch, switched
from dutiful.core.occurrence import Standing
from dutiful.core.retirement import Retirement
from dutiful.core.schedule import Schedule

from . import records
from .schedule_statements import ScheduleStatements
from .statement import Plan


def declare(
    sql: ScheduleStatements,
    app: str,
    declaration_version: str,
    schedules: Sequence[Schedule] | None,
    now: int,
) -> Plan[Declared]:
    """Show a declaration version, and write its schedules if it rules."""
    versions = records.declaration_versions((yield sql.versions(app)).rows)
    shown = declaration.show(versions.values(), declaration_version, now)
    if shown.forgotten:
        yield sql.forget_versions(app, shown.forgotten)
    mine, answer = shown.declaration_version, Declared(shown.rules, shown.in_force)
    if shown.rules and schedules is not None:
        ours = {name for name, *_ in (yield sql.owned(app)).rows if isinstance(name, str)}
        known = yield from named(sql, sorted(ours | {one.name for one in schedules}))
        plan = declaration.declare(shown, app, schedules, known, now)
        yield from put(sql, plan.written)
        yield from _retire(sql, plan.retired, now)
        mine, answer = plan.declaration_version, Declared.by(plan)
    yield sql.put_version(app, mine)
    return answer


def create(
    sql: ScheduleStatements, schedule: Schedule, now: int, *, replace: bool, adopt: bool
) -> Plan[bool]:
    """Create a schedule, or give an existing one another spec; False when nothing was written."""
    before = (yield from named(sql, [schedule.name])).get(schedule.name)
    written = declaration.create(before, schedule, now, replaces=replace, adopts=adopt)
    yield from put(sql, written or ())
    return written is not None


def switch(
    sql: ScheduleStatements, names: Sequence[str], how: Switch, now: int
) -> Plan[tuple[str, ...]]:
    """Pause or resume schedules, and return the names of those that changed."""
    turned = switched((yield from named(sql, names)), names, how, now)
    yield from put(sql, turned)
    return tuple([one.name for one in turned])


def delete(sql: ScheduleStatements, names: Sequence[str], now: int) -> Plan[Deleted]:
    """Delete schedules with their occurrences, and return the occurrences that are not made."""
    gone, missed = retirement.delete((yield from named(sql, names)), names, now)
    yield sql.delete(gone)
    yield sql.delete_occurrences(gone)
    return Deleted(gone, missed)


def named(sql: ScheduleStatements, names: Sequence[str]) -> Plan[dict[str, Standing]]:
    """Find schedules by their names, for a change in the same transaction."""
    rows = (yield sql.named(names)).rows
    return {one.name: one for one in records.standings(rows)}


def put(sql: ScheduleStatements, standings: Sequence[Standing]) -> Plan[None]:
    """Write the states of schedules."""
    if standings:
        yield sql.put(standings)


def jobs_by_schedule(rows: Iterable[Sequence[Any]]) -> dict[str, list[str]]:
    """Group rows of a schedule's name and a job's id, without those that cannot be read."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, job_id in rows:
        if isinstance(name, str) and isinstance(job_id, str):
            found[name].append(job_id)
    return found


def _retire(sql: ScheduleStatements, gone: Sequence[Retirement], now: int) -> Plan[None]:
    """Write the states of retired schedules, and record the occurrences that are not made."""
    numbers = Counter({ended.standing.name: ended.standing.number for ended in gone})
    undone = [(ended.standing.name, one) for ended in gone for one in ended.occurrences]
    yield from sql.record(undone, numbers, now)
    yield from put(sql, [replace(one.standing, number=numbers[one.standing.name]) for one in gone])
