"""How one attempt ended, and what a task may raise or return to say so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from .errors import BadOption
from .instant import SECOND, instant, span, spell
from .rebuilding import Rebuilt


class Succeeded(msgspec.Struct, frozen=True, gc=False):
    """The task returned; ``result`` is its value as JSON."""

    result: bytes | None = None


class Failed(msgspec.Struct, frozen=True):
    """The task raised, timed out, or asked for a retry: an attempt is spent."""

    type: str
    message: str
    traceback: str = ""
    retryable: bool = True
    after: int | None = None
    """Microseconds until the next attempt, when the error says so; else the policy decides."""
    until: int | None = None
    """An instant before which the next attempt must not start."""


class Snoozed(msgspec.Struct, frozen=True):
    """The task asked to be woken later; no attempt is spent."""

    delay: int = 0
    until: int | None = None


class Discarded(msgspec.Struct, frozen=True):
    """The task gave the job up: dead letter ``discarded``."""

    why: str
    traceback: str = ""


class Cancelled(msgspec.Struct, frozen=True):
    """A cancellation was requested, and the attempt has ended."""

    why: str = "cancelled"
    error: Failed | None = None
    """What failed while the task asked to be cancelled."""


class Released(msgspec.Struct, frozen=True):
    """The worker releases the job before its end: no attempt is spent."""


class Crashed(msgspec.Struct, frozen=True):
    """The process that ran the attempt died: an attempt is spent and a crash is counted."""

    message: str


class Unknown(msgspec.Struct, frozen=True):
    """This worker's code has no such task; another version's may."""


class Undecodable(msgspec.Struct, frozen=True):
    """The stored arguments do not fit the task's signature: dead letter ``bad-payload``."""

    message: str
    waits: bool = False
    """Whether they are a JSON object, so that another version's signature may fit them."""


class Expired(msgspec.Struct, frozen=True):
    """No worker started the job before it expired: dead letter ``expired``."""


Outcome = (
    Succeeded
    | Failed
    | Snoozed
    | Discarded
    | Cancelled
    | Released
    | Crashed
    | Unknown
    | Undecodable
    | Expired
)


class Signal(Rebuilt):
    """What a task raises (or returns) to end its attempt in a way of its own choice."""


class Judged(Rebuilt):
    """Stands for what a task raised elsewhere, where it was judged by the task's policy."""

    verdict: Outcome


SNOOZE_MIN = SECOND // 10
"""The shortest snooze, so that a job that snoozes without end does not keep its worker busy."""


class Snooze(Signal):
    """End this attempt without spending it and wake the job later.

    ``Snooze("10m")`` waits from now, ``Snooze(until=moment)`` until an aware datetime. Less than
    100 ms, or a moment that has passed, waits for 100 ms.
    """

    def __init__(
        self, delay: str | float | timedelta | None = None, *, until: datetime | None = None
    ) -> None:
        """Read the delay or the moment here, so that a mistake shows where it was made."""
        if delay is not None and until is not None:
            raise BadOption("give Snooze a delay or until=, not both")
        if until is not None:
            self.outcome = Snoozed(0, instant(until))
        elif delay is not None:
            self.outcome = Snoozed(max(span(delay), SNOOZE_MIN))
        else:
            raise BadOption('Snooze needs a time: write Snooze("10m") or Snooze(until=...)')
        super().__init__(f"snooze {spell(self.outcome.delay) if until is None else until}")


class Discard(Signal):
    """Give the job up: it becomes a dead letter with reason ``discarded`` and this text."""

    def __init__(self, reason: str = "discarded by the task") -> None:
        """Keep the reason."""
        self.reason = reason
        super().__init__(reason)


class Cancel(Signal):
    """End the job as cancelled; it is not a dead letter, and no death hook runs."""

    def __init__(self, reason: str = "cancelled by the task") -> None:
        """Keep the reason."""
        self.reason = reason
        super().__init__(reason)


def verdicts(errors: Iterable[BaseException]) -> list[Outcome]:
    """Return what was decided about errors that were judged elsewhere."""
    return [cast(Judged, one).verdict for one in errors if issubclass(type(one), Judged)]


def is_signal(value: Any) -> bool:
    """Whether a value is a signal to the worker, judged by its real type."""
    return issubclass(type(value), Signal)
