"""The stand-in for an attempt when a task is called like a function."""

from __future__ import annotations

from time import time_ns
from typing import Any

from dutiful.core.errors import UsageError
from dutiful.core.job import Job
from dutiful.core.payload import encode, plain
from dutiful.core.state import State
from dutiful.core.task_log import LogLine

from .ids import new_id


class Inline:
    """An attempt outside of any store: steps are kept in memory, nothing is committed."""

    tracer = None
    """A plain call is a part of what calls it, and has no spans of its own."""

    def __init__(self, task: str, *, awaits: bool = False) -> None:
        """Make up a running job, so that the task sees what it would see in a worker."""
        now = time_ns() // 1000
        self.job = Job(new_id(), task, "inline", State.RUNNING, 0, b"{}", 1, 1, now, now, now)
        self.cancelled = False
        self.awaits = awaits
        self.waits = False
        self._steps: dict[str, bytes] = {}

    def logged(self) -> tuple[LogLine, ...]:
        """Return nothing: there is no job with which lines could be kept."""
        return ()

    def recall(self, name: str) -> tuple[bool, Any]:
        """Say whether a step was recorded in this call, and its result."""
        raw = self._steps.get(name)
        return (False, None) if raw is None else (True, plain(raw))

    async def record(self, name: str, value: Any) -> None:
        """Keep a step's result for the length of the call."""
        self.record_sync(name, value)

    def record_sync(self, name: str, value: Any) -> None:
        """Keep a step's result for the length of the call."""
        self._steps.setdefault(name, encode(value, what=f"the result of step {name!r}"))

    async def abegin(self) -> Any:
        """Refuse: a plain call has no job to complete."""
        return self.begin()

    def begin(self) -> Any:
        """Refuse: a plain call has no job to complete."""
        raise UsageError(
            "ctx.transaction() needs a job; enqueue the task, or test it with dutiful.testing"
        )
