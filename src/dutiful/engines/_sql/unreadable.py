"""The plans that look for jobs which cannot be read, whatever names a place in the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from .statement import Plan

MOST = 1000
"""After how many jobs `check` stops counting."""

K = TypeVar("K")


class RowRange(NamedTuple, Generic[K]):
    """What a part of the table holds, its newest rows first."""

    keys: list[K]
    """What names the rows of jobs that cannot be read."""
    below: K | None
    """Before which row the next part begins; None where there is no more."""


Look = Callable[[K | None], Plan[RowRange[K]]]
"""Looks at the part of the table before a row, or at the first one."""


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
    """Collect up to ``most`` rows of jobs that cannot be read; ``fetch`` filters a part's."""
    rows: list[Any] = []
    while len(rows) < most:
        part = yield from look(below)
        if part.keys:
            rows += yield from fetch(part.keys, most - len(rows))
        below = part.below
        if below is None:
            break
    return rows
