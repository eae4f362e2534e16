"""Values of labels: printable, and few, whatever names jobs and queues have."""

from __future__ import annotations

from collections.abc import Container

from dutiful.core.text import visible

OTHER = "other"
"""Stands for all values beyond the limit."""
TASKS_MAX = 200
"""Tasks of the app's own code that are named."""
STRANGERS_MAX = 20
"""Names that the code does not have, such as those of jobs that another program wrote."""
QUEUES_MAX = 50
PAIRS_MAX = 400
SCHEDULES_MAX = 100
_LENGTH_MAX = 100


class LabelValues:
    """The values that one label has had; the first ones are kept, the rest are `OTHER`."""

    def __init__(self, most: int, known: Container[str] = (), strangers: int = 0) -> None:
        """Allow ``most`` values; with ``known``, so many of these and ``strangers`` others."""
        self._most, self._known, self._strangers = most, known, strangers
        self._shown: dict[str, str] = {}
        self._others = 0

    def of(self, raw: str) -> str:
        """Return what to show for a value."""
        if (shown := self._shown.get(raw)) is not None:
            return shown
        strange = self._strangers > 0 and raw not in self._known
        named = len(self._shown) - self._others
        if self._others >= self._strangers if strange else named >= self._most:
            return OTHER
        self._others += strange
        shown = self._shown[raw] = printable(raw)
        return shown


class JobLabels:
    """Queue and task of jobs, as labels: bounded each, and in their pairs."""

    def __init__(self, tasks: Container[str]) -> None:
        """Start empty; ``tasks`` are those that the app's code has."""
        self.tasks = LabelValues(TASKS_MAX, tasks, STRANGERS_MAX)
        self.queues = LabelValues(QUEUES_MAX)
        self._pairs: dict[tuple[str, str], tuple[str, str]] = {}

    def of(self, queue: str, task: str) -> tuple[str, str]:
        """Return what to show for a pair."""
        if (shown := self._pairs.get((queue, task))) is not None:
            return shown
        shown = self.queues.of(queue), self.tasks.of(task)
        if OTHER in shown:
            return shown
        if len(self._pairs) >= PAIRS_MAX:
            return OTHER, OTHER
        self._pairs[queue, task] = shown
        return shown


def printable(raw: str) -> str:
    """Return a text that neither a terminal nor an exposition can trip over, cut to 100."""
    return visible(raw[:_LENGTH_MAX])[:_LENGTH_MAX] or "(empty)"
