"""Measurements of the hot path: what metrics need beside the events, and only while they listen.

A measurement names live records and is never stored or logged. Without a listener none is made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import TypeVar

import msgspec

from dutiful.core.job import Claim, NewJob

from .roles.producer import Receipt

R = TypeVar("R")


class StoreCall(msgspec.Struct, frozen=True, gc=False):
    """A round trip to the store has ended."""

    operation: str
    seconds: float
    error: str | None = None
    """The class of the error that it raised."""


class JobsStored(msgspec.Struct, frozen=True):
    """A batch of jobs was enqueued; receipts are in the order of the jobs."""

    jobs: Sequence[NewJob]
    receipts: Sequence[Receipt]


class JobsClaimed(msgspec.Struct, frozen=True):
    """A worker took jobs, in one round trip."""

    claims: Sequence[Claim]


class AttemptsRan(msgspec.Struct, frozen=True):
    """Bodies of attempts have ended."""

    runs: Sequence[tuple[str, float]]
    """The task of each, and the seconds that it ran."""


class OccurrencesMade(msgspec.Struct, frozen=True):
    """A scheduler enqueued jobs of occurrences, so many seconds after their planned instants."""

    lateness: Sequence[float]


Measurement = StoreCall | JobsStored | JobsClaimed | AttemptsRan | OccurrencesMade
Take = Callable[[Measurement], None]


class Meter:
    """Where measurements go. A caller asks ``take`` first: None means that there is no listener."""

    __slots__ = ("take",)

    def __init__(self) -> None:
        """Start without a listener."""
        self.take: Take | None = None

    async def timed(self, operation: str, call: Awaitable[R]) -> R:
        """Await a round trip and report how long it took, and its error."""
        started = perf_counter()
        try:
            answer = await call
        except Exception as error:
            self.report(operation, perf_counter() - started, error)
            raise
        self.report(operation, perf_counter() - started)
        return answer

    def timed_sync(self, operation: str, call: Callable[[], R]) -> R:
        """Do what `timed` does for a call that blocks."""
        started = perf_counter()
        try:
            answer = call()
        except Exception as error:
            self.report(operation, perf_counter() - started, error)
            raise
        self.report(operation, perf_counter() - started)
        return answer

    def ran(self, runs: Sequence[tuple[str, float]]) -> None:
        """Report task and seconds of bodies that have ended, if there is a listener."""
        if (take := self.take) is not None:
            take(AttemptsRan(runs))

    def report(self, operation: str, seconds: float, error: Exception | None = None) -> None:
        """Report a round trip, if there is a listener; may be called from any thread."""
        if (take := self.take) is not None:
            take(StoreCall(operation, seconds, None if error is None else type(error).__name__))
