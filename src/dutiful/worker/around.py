"""What hooks around an attempt see of a task that ran in another process."""

from __future__ import annotations

from typing import Any

from dutiful.core.outcome import Failed, Outcome, Succeeded
from dutiful.core.payload import plain

from .failure import returned


class ChildEnded(Exception):
    """Raised from ``proceed()`` when the task did not succeed; its text is the task's error's."""

    def __init__(self, outcome: Outcome) -> None:
        """Carry the outcome, which stands when the hook lets the error pass."""
        self.outcome = outcome
        if isinstance(outcome, Failed):
            super().__init__(f"{outcome.type}: {outcome.message}")
        else:
            super().__init__(type(outcome).__name__.lower())


def value_of(answer: Succeeded | None) -> Any:
    """Return the task's result as plain data; None when it was settled with its transaction."""
    return None if answer is None or answer.result is None else plain(answer.result)


def carried(answer: Succeeded | None, value: Any, task: str, bytes_max: int) -> Outcome | None:
    """Return the outcome after the hooks: the task's own, or what they made of its result.

    What was settled together with its transaction stays as it is.
    """
    if answer is None or value == value_of(answer):
        return answer
    return returned(value, task, bytes_max)
