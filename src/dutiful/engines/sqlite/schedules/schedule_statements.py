"""This engine's statements for the plans on schedules that the SQL engines share."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import astuple

from dutiful.contract.roles.transfer import SHUT, ScheduleHistory, storable
from dutiful.core.occurrence import DeclarationVersion, Standing
from dutiful.engines._sql.schedule_statements import Named
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.sqlite.rows import standing_row
from dutiful.engines.sqlite.rows import storable as written
from dutiful.engines.sqlite.statements import sql

from .recording import record

_VERSIONS = sql("declaration_versions")
_VERSION_PUT = sql("declaration_version_put")
_VERSIONS_FORGET = sql("declaration_versions_forget")
_OWNED = sql("schedules_of")
_NAMED = sql("schedules_named")
_PAGE = sql("schedules")
_PUT = sql("schedules_put")
_DELETE = sql("schedules_delete")
_SHUT = sql("schedules_shut")
_MARK = sql("schedules_mark")
_REOPEN = sql("schedules_reopen")
_OCCURRENCES = sql("occurrences_dump")
_OCCURRENCES_DELETE = sql("occurrences_delete")
_OCCURRENCES_FILL = sql("occurrences_fill")


class SqliteScheduleStatements:
    """Implements `ScheduleStatements`; lists of names are sent as JSON, or as rows."""

    def versions(self, app: str) -> Statement:
        """Find the declaration versions of an app."""
        return Statement(_VERSIONS, (app,))

    def put_version(self, app: str, version: DeclarationVersion) -> Statement:
        """Write a declaration version."""
        return Statement(_VERSION_PUT, (app, *astuple(version)))

    def forget_versions(self, app: str, digests: Sequence[str]) -> Statement:
        """Delete declaration versions."""
        return Statement(_VERSIONS_FORGET, [(app, digest) for digest in digests], many=True)

    def owned(self, app: str) -> Statement:
        """Find the names of an app's schedules."""
        return Statement(_OWNED, (app,))

    def named(self, names: Sequence[str]) -> Statement:
        """Find schedules by their names."""
        return Statement(_NAMED, (json.dumps(list(names)),))

    def page(self, after: str, limit: int) -> Statement:
        """Find schedules in the order of their names."""
        return Statement(_PAGE, (after, limit))

    def put(self, standings: Sequence[Standing]) -> Statement:
        """Write the states of schedules."""
        return Statement(_PUT, [standing_row(one) for one in standings], many=True)

    def delete(self, names: Sequence[str]) -> Statement:
        """Delete schedules."""
        return Statement(_DELETE, [(name,) for name in names], many=True)

    def delete_occurrences(self, names: Sequence[str]) -> Statement:
        """Delete the occurrences of schedules."""
        return Statement(_OCCURRENCES_DELETE, [(name,) for name in names], many=True)

    def occurrences_of(self, names: Sequence[str]) -> Statement:
        """Find all occurrences of schedules."""
        return Statement(_OCCURRENCES, (json.dumps(list(names)),))

    def fill_occurrences(self, rows: Sequence[tuple[Any, ...]]) -> Statement:
        """Store occurrences exactly as the other store had them."""
        return Statement(_OCCURRENCES_FILL, rows, many=True)

    def shut(self, names: Sequence[str], other: str) -> Statement:
        """Find all schedules that are shut for another store; there are few."""
        return Statement(_SHUT, (SHUT, other))

    def mark(self, names: Sequence[str], other: str) -> Statement:
        """Note for which store schedules are shut."""
        return Statement(_MARK, [(SHUT, other, name) for name in names], many=True)

    def reopen(self, names: Sequence[str], other: str) -> Plan[tuple[str, ...]]:
        """Let shut schedules fire again, and return their names."""
        freed: list[str] = []
        for name in names:
            if (yield Statement(_REOPEN, (name, SHUT, other))).count:
                freed.append(name)
        return tuple(freed)

    def storable(self, history: ScheduleHistory) -> ScheduleHistory:
        """Return a history as the file can hold it."""
        return storable(history, written)

    def record(
        self, given: Iterable[Named], numbers: Counter[str], now: int
    ) -> Plan[Sequence[Named]]:
        """Record occurrences."""
        return record(given, numbers, now)


STATEMENTS = SqliteScheduleStatements()
