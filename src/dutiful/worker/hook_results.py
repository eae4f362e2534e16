"""What hooks around an attempt are given when the task ran in another process."""

from __future__ import annotations

from typing import Any

from dutiful.core.errors import StepNotRecorded
from dutiful.core.grouped import leaves, members
from dutiful.core.outcome import (
    Cancel,
    Cancelled,
    Discard,
    Discarded,
    Failed,
    Judged,
    Outcome,
    Snooze,
    Snoozed,
    Succeeded,
    verdicts,
)
from dutiful.core.payload import plain

from .error_text import chain
from .failure import returned

_OF_TASKS = (Failed, Snoozed, Discarded, Cancelled)
_UNRECORDED = f"{StepNotRecorded.__module__}.{StepNotRecorded.__qualname__}"


class ChildEnded(Judged):
    """Raised from ``proceed()`` when the task did not succeed; has the text of the task's error."""

    def __init__(self, verdict: Outcome) -> None:
        """Carry the outcome, which counts when the hook does not catch the error."""
        self.verdict = verdict
        match verdict:
            case Failed(type=kind, message=message):
                text = f"{kind}: {message}"
            case Discarded(why=why) | Cancelled(why=why):
                text = why
            case _:
                text = type(verdict).__name__.lower()
        Exception.__init__(self, text)


class _Snoozed(ChildEnded, Snooze):
    def __init__(self, verdict: Snoozed) -> None:
        super().__init__(verdict)
        self.outcome = verdict


class _Discarded(ChildEnded, Discard):
    def __init__(self, verdict: Discarded) -> None:
        super().__init__(verdict)
        self.reason = verdict.why


class _Cancelled(ChildEnded, Cancel):
    def __init__(self, verdict: Cancelled) -> None:
        super().__init__(verdict)
        self.reason = verdict.why


class _Unrecorded(ChildEnded, StepNotRecorded): ...


def child_ended(verdict: Outcome) -> ChildEnded:
    """Return what ``proceed()`` raises; a signal of the task is a signal for the hooks, too."""
    match verdict:
        case Snoozed():
            return _Snoozed(verdict)
        case Discarded():
            return _Discarded(verdict)
        case Cancelled():
            return _Cancelled(verdict)
        case Failed(type=kind) if kind == _UNRECORDED:
            return _Unrecorded(verdict)
        case _:
            return ChildEnded(verdict)


def verdict_in(error: BaseException, *, asked: bool) -> Outcome | None:
    """Return the child's outcome if the hooks cannot change it; None if they can.

    They cannot change it when they raised nothing else, when the task did not decide it (as after
    a crash), or when the attempt was ``asked`` to end.
    """
    inner = leaves(error)
    if len(inner) == 1 and (alone := verdicts(inner)):
        return alone[0]
    if asked:
        found = verdicts(one for member in members(error) for one in chain(member))
        return found[0] if found else None
    final = (one for one in verdicts(inner) if not isinstance(one, _OF_TASKS))
    return next(final, None)


def value_of(answer: Succeeded | None) -> Any:
    """Return the task's result as plain data; None when it was settled with its transaction."""
    return None if answer is None or answer.result is None else plain(answer.result)


def carried(answer: Succeeded | None, value: Any, task: str, bytes_max: int) -> Outcome | None:
    """Return the outcome after the hooks: with the task's own result or the one they returned.

    An outcome that was settled together with its transaction does not change.
    """
    if answer is None or value == value_of(answer):
        return answer
    return returned(value, task, bytes_max)
