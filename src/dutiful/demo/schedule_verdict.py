"""What became of the demo's schedule: the gateway's book of cash-ups beside what the rule names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from dutiful.core.instant import SECOND, instant
from dutiful.core.occurrence import Recorded, Standing
from dutiful.core.schedule import planned_between, read
from dutiful.demo.books import CashUp

NAME = "cash-up"
QUEUE = "books"
LATE_MAX = 2 * SECOND
"""What is planned so shortly before the pause need not have been made, unless a later one was."""


class Occurrences(msgspec.Struct, frozen=True):
    """How often each occurrence ran."""

    planned: int
    once: int
    twice: int
    """Occurrences that ran more than once, or that no rule names."""
    missed: int
    late_max: float
    """Seconds from the planned instant until the job was there, at most."""

    @property
    def ok(self) -> bool:
        """Whether each ran once."""
        return not (self.twice or self.missed)


def occurrences(
    standing: Standing, noted: Iterable[CashUp], history: Sequence[Recorded]
) -> Occurrences:
    """Compare the book with the rule, from the schedule's beginning to its pause."""
    runs = Counter(instant(one.until) for one in noted)
    end = standing.changed_at if standing.paused_at is None else standing.paused_at
    due = set(planned_between(read(standing.spec), standing.since + 1, end))
    until = max([end - LATE_MAX, *runs])
    surely = {planned for planned in due if planned <= until}
    late = [one.recorded_at - one.planned for one in history]
    return Occurrences(
        planned=len(surely | runs.keys()),
        once=sum(times == 1 and planned in due for planned, times in runs.items()),
        twice=sum(times > 1 or planned not in due for planned, times in runs.items()),
        missed=len(surely - runs.keys()),
        late_max=round(max(late, default=0) / SECOND, 3),
    )
