"""What a task's context asks of the attempt to which it belongs."""

from __future__ import annotations

from typing import Any, Protocol

from dutiful.contract.tracer import Tracer
from dutiful.core.job import Job
from dutiful.core.task_log import LogLine


class Attempt(Protocol):
    """What a context asks: the worker's attempt, or the stand-in of a plain call."""

    job: Job

    @property
    def waits(self) -> bool:
        """Whether the job waits in its slot for the result of another."""
        ...

    @waits.setter
    def waits(self, now: bool) -> None:
        """Note it."""
        ...

    @property
    def tracer(self) -> Tracer | None:
        """What traces the app's jobs, if anything does."""
        ...

    @property
    def awaits(self) -> bool:
        """Whether the task is async, so that its steps are awaited."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the body should end."""
        ...

    def logged(self) -> tuple[LogLine, ...]:
        """Return what was captured of its lines so far."""
        ...

    def recall(self, name: str) -> tuple[bool, Any]:
        """Say whether a step is recorded, and its result."""
        ...

    async def record(self, name: str, value: Any) -> None:
        """Record a step's result; raises ClaimLost when the claim is stale."""
        ...

    def record_sync(self, name: str, value: Any) -> None:
        """Do what `record` does, from a thread or a child process."""
        ...

    def begin(self) -> Any:
        """Open the job's transaction, or return its connection; blocks."""
        ...

    async def abegin(self) -> Any:
        """Do what `begin` does without holding up the loop."""
        ...
