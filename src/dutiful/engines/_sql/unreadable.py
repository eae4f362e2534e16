"""The plans that search for unreadable jobs; each engine chooses the key that orders the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from .statement import Plan

MOST = 1000
"""The number of jobs after which `check` stops counting."""

K = TypeVar("K")


class RowRange(NamedTuple, Generic[K]):
    """The unreadable jobs in a part of the table, newest rows first."""

    keys: list[K]
    """The keys of the rows of unreadable jobs."""
    below: K | None
    """The key before which the next part begins; None if there is no more."""


Look = Callable[[K | None], Plan[RowRange[K]]]
"""Searches the part of the table before a key, or the first part."""


def count_unreadable(look: Look[K]) -> Plan[int]:
    """Count the jobs that cannot be read, up to `MOST`."""
    part = yield from look(None)
    count = len(part.keys)
    while count < MOST and part.below is not None:
        part = yield from look(part.below)
        count += len(part.keys)
    return min(count, MOST)


def find_unreadable(
    look: Look[K],
    fetch: Callable[[list[K], int], Plan[list[Any]]],
    below: K | None,
    most: int,
) -> Plan[list[Any]]:
    """Collect up to ``most`` rows of unreadable jobs; ``fetch`` filters the rows of a part."""
    rows: list[Any] = []
    while len(rows) < most:
        part = yield from look(below)
        if part.keys:
            rows += yield from fetch(part.keys, most - len(rows))
        below = part.below
        if below is None:
            break
    return rows
