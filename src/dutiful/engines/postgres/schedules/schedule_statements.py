"""This engine's statements for the plans on schedules that the SQL engines share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from msgspec.structs import astuple

from dutiful.contract.roles.transfer import SHUT, ScheduleHistory, storable
from dutiful.core.errors import BadPayload, BadSchedule
from dutiful.core.occurrence import DeclarationVersion, Standing
from dutiful.core.schedule import read
from dutiful.engines._sql.schedule_statements import Named
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.arrays import (
    Array,
    Booleans,
    Bytes,
    Longs,
    Shorts,
    TextArray,
    columns,
)
from dutiful.engines.postgres.rows import storable as written
from dutiful.engines.postgres.statements import Texts

from .recording import record

T = TypeVar("T")
PATIENCE = "2s"
"""How long the server waits for the next statement before it releases our locks."""
_STANDING: tuple[type[Array], ...] = (
    *(TextArray, Bytes, TextArray, Booleans, Longs, Longs, Longs, Longs, Longs, Longs, Longs),
    *(Longs, Longs, Longs, Longs, TextArray, Longs),
)
"""The array types of a schedule's columns, in the order of a standing's fields."""
_OCCURRENCE: tuple[type[Array], ...] = (
    *(TextArray, Longs, Longs, Longs, TextArray, TextArray, TextArray, Longs, Booleans, Longs),
    *(Longs, Longs, Longs, Shorts, Shorts, Booleans),
)


class PostgresScheduleStatements:
    """Implements `ScheduleStatements`; lists are sent as arrays."""

    def __init__(self, sql: Texts) -> None:
        """Take the texts for one schema."""
        self._sql = sql

    def versions(self, app: str) -> Statement:
        """Find the declaration versions of an app."""
        return Statement(self._sql("declaration_versions"), (app,))

    def put_version(self, app: str, version: DeclarationVersion) -> Statement:
        """Write a declaration version."""
        return Statement(self._sql("declaration_version_put"), (app, *astuple(version)))

    def forget_versions(self, app: str, digests: Sequence[str]) -> Statement:
        """Delete declaration versions."""
        return Statement(self._sql("declaration_versions_forget"), (app, list(digests)))

    def owned(self, app: str) -> Statement:
        """Find the names of an app's schedules."""
        return Statement(self._sql("schedules_of"), (app,))

    def named(self, names: Sequence[str]) -> Statement:
        """Find schedules by their names and lock them."""
        return Statement(self._sql("schedules_locked"), (list(names),))

    def page(self, after: str, limit: int) -> Statement:
        """Find schedules in the order of their names."""
        return Statement(self._sql("schedules"), (after, limit))

    def put(self, standings: Sequence[Standing]) -> Statement:
        """Write the states of schedules."""
        rows = [astuple(one)[: len(_STANDING)] for one in standings]
        return Statement(self._sql("schedules_put"), columns(_STANDING, rows))

    def delete(self, names: Sequence[str]) -> Statement:
        """Delete schedules."""
        return Statement(self._sql("schedules_delete"), (list(names),))

    def delete_occurrences(self, names: Sequence[str]) -> Statement:
        """Delete the occurrences of schedules."""
        return Statement(self._sql("occurrences_delete"), (list(names),))

    def occurrences_of(self, names: Sequence[str]) -> Statement:
        """Find all occurrences of schedules."""
        return Statement(self._sql("occurrences_dump"), (list(names),))

    def fill_occurrences(self, rows: Sequence[tuple[Any, ...]]) -> Statement:
        """Store occurrences exactly as the other store had them."""
        return Statement(self._sql("occurrences_fill"), columns(_OCCURRENCE, rows))

    def shut(self, names: Sequence[str], other: str) -> Statement:
        """Find the names that are shut for another store."""
        return Statement(self._sql("schedules_shut"), (list(names), SHUT, other))

    def mark(self, names: Sequence[str], other: str) -> Statement:
        """Note for which store schedules are shut."""
        return Statement(self._sql("schedules_mark"), (list(names), SHUT, other))

    def reopen(self, names: Sequence[str], other: str) -> Plan[tuple[str, ...]]:
        """Let shut schedules fire again, and return their names."""
        given = list(names), SHUT, other
        freed = {row[0] for row in (yield Statement(self._sql("schedules_reopen"), given)).rows}
        return tuple([name for name in names if name in freed])

    def storable(self, history: ScheduleHistory) -> ScheduleHistory:
        """Return a history as the database can hold it; BadPayload if it cannot hold its jobs."""
        codec = self._sql.codec
        _demand_fit(history.standing.spec, codec)
        return storable(history, lambda text: written(text, codec))

    def record(
        self, given: Iterable[Named], numbers: Counter[str], now: int
    ) -> Plan[Sequence[Named]]:
        """Record occurrences."""
        return record(self._sql, given, numbers, now)


def guarded(
    sql: Texts, now: int | None, plan: Callable[[PostgresScheduleStatements, int], Plan[T]]
) -> Plan[T]:
    """Run a plan under the lock of those who create schedules; it gets the store's time."""
    rows = (yield Statement(sql("schedules_guard"), (now, sql.schema, PATIENCE))).rows
    return (yield from plan(PostgresScheduleStatements(sql), rows[0][0]))


def _demand_fit(spec: bytes, codec: str) -> None:
    """Raise BadPayload for a schedule whose jobs the database could not store.

    The spec itself is bytes, which can hold every character.
    """
    try:
        one = read(spec)
    except BadSchedule:  # it cannot fire in any store
        return
    for text in (one.task, one.queue, *one.tags, *one.meta, *one.meta.values()):
        if written(text, codec) != text:
            raise BadPayload(f"its jobs hold {text!r}, of which the database's text lacks a part")
