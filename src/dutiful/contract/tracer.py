"""What traces jobs, if anything does: how clients and workers see it.

None of these calls raises an error of its own, waits, or changes how a job ends. Without a tracer
none is made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from dutiful.core.job import Job, NewJob

from .roles.producer import Receipt


class Sending(AbstractContextManager["Sending", None], Protocol):
    """The span of one enqueue, for the length of a ``with`` block."""

    jobs: Sequence[NewJob]
    """The jobs to store: they carry the context of the enqueue."""

    def stored(self, receipts: tuple[Receipt, ...]) -> tuple[Receipt, ...]:
        """Note what the store answered, and return it."""
        ...


class AttemptSpan(Protocol):
    """The span of an attempt: it is current in the attempt's own context."""

    @property
    def headers(self) -> Mapping[str, str]:
        """What another process needs to continue it: ``traceparent`` and ``tracestate``."""
        ...

    def stop(self) -> None:
        """Note that the body has ended; the span ends when the store has accepted its outcome."""
        ...


class Tracer(Protocol):
    """Makes the spans of an app."""

    def sending(self, jobs: Sequence[NewJob]) -> Sending:
        """Begin the span of an enqueue."""
        ...

    def created(self, jobs: Sequence[NewJob]) -> Sequence[NewJob]:
        """Give each job of an occurrence a trace of its own."""
        ...

    def attempt(self, job: Job) -> AttemptSpan | None:
        """Begin the span of an attempt and make it current; call it in the attempt's context."""
        ...

    def resume(self, headers: Mapping[str, str]) -> None:
        """Continue the span of an attempt, which another process began, in this context."""
        ...

    def step(self, name: str, job: Job) -> AbstractContextManager[Any]:
        """Make the span of a step current, for the length of a ``with`` block."""
        ...

    def current(self) -> Mapping[str, str]:
        """Return ``trace_id`` and ``span_id`` of the current span, for log lines; {} without."""
        ...
