"""What hooks around an attempt see of a task that ran in another process."""

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
    """Raised from ``proceed()`` when the task did not succeed; its text is the task's error's."""

    def __init__(self, verdict: Outcome) -> None:
        """Carry the outcome, which stands when the hook lets the error pass."""
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
    """Return what ``proceed()`` raises; a signal of the task's is one for the hooks, too."""
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
    """Return the outcome of a child where nothing that hooks raised beside it can change that.

    That is when they raised nothing else, when no task decided it, such as after a crash, and
    when the attempt was ``asked`` to end.
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
    """Return the outcome after the hooks: the task's own, or what they made of its result.

    What was settled together with its transaction stays as it is.
    """
    if answer is None or value == value_of(answer):
        return answer
    return returned(value, task, bytes_max)
