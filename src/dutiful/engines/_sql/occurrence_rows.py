"""What became of the occurrences of schedules, read for another store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dutiful.core.occurrence import Recorded

from .records import RECORDED
from .stored import salvage


def occurrences_by_schedule(rows: Iterable[Sequence[Any]]) -> Mapping[str, list[Recorded]]:
    """Read occurrences by the names of their schedules, without those that cannot be read.

    What stands in for a value of one may be what another has, as for when it was planned.
    """
    kept = defaultdict[str, list[Recorded]](list)
    for row in rows:
        found = salvage(RECORDED, row)
        if found.unreadable is None:
            kept[row[0]].append(Recorded(**found.values))
    return kept
