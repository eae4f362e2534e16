"""The statements on schedules that each engine writes in its own SQL; their plans are shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from dutiful.contract.roles.transfer import ScheduleHistory
from dutiful.core.occurrence import DeclarationVersion, Occurrence, Standing

from .statement import Plan, Statement

Named = tuple[str, Occurrence]
"""A schedule's name, and one of its occurrences."""


class ScheduleStatements(Protocol):
    """One engine's statements on schedules; lists of names and rows may be empty."""

    def versions(self, app: str) -> Statement:
        """Find the declaration versions of an app."""
        ...

    def put_version(self, app: str, version: DeclarationVersion) -> Statement:
        """Write a declaration version."""
        ...

    def forget_versions(self, app: str, digests: Sequence[str]) -> Statement:
        """Delete declaration versions."""
        ...

    def owned(self, app: str) -> Statement:
        """Find the names of an app's schedules."""
        ...

    def named(self, names: Sequence[str]) -> Statement:
        """Find schedules and lock them, for a change in the same transaction."""
        ...

    def page(self, after: str, limit: int) -> Statement:
        """Find schedules in the order of their names."""
        ...

    def put(self, standings: Sequence[Standing]) -> Statement:
        """Write the states of schedules."""
        ...

    def delete(self, names: Sequence[str]) -> Statement:
        """Delete schedules without their occurrences."""
        ...

    def delete_occurrences(self, names: Sequence[str]) -> Statement:
        """Delete the occurrences of schedules."""
        ...

    def occurrences_of(self, names: Sequence[str]) -> Statement:
        """Find all occurrences of schedules."""
        ...

    def fill_occurrences(self, rows: Sequence[tuple[Any, ...]]) -> Statement:
        """Store occurrences exactly as the other store had them."""
        ...

    def shut(self, names: Sequence[str], other: str) -> Statement:
        """Find the names that are shut for another store; may return others, too."""
        ...

    def mark(self, names: Sequence[str], other: str) -> Statement:
        """Note for which store schedules are shut."""
        ...

    def storable(self, history: ScheduleHistory) -> ScheduleHistory:
        """Return a history as the database can hold it; BadPayload if it cannot hold its jobs."""
        ...

    def record(
        self, given: Iterable[Named], numbers: Counter[str], now: int
    ) -> Plan[Sequence[Named]]:
        """Record the occurrences that are new, give them the next numbers, and return them."""
        ...
