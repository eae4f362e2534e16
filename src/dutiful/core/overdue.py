"""Which deadlines occurrences have missed, and what a store notes of them when it looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from .occurrence import Deadline, Recorded

REVIEWED_MAX = 10_000
"""How many open occurrences a review walks at most; the next one goes on from there."""

Position = tuple[str, int]
"""A schedule's name and a planned instant: where in the walk a review stands."""
BEGINNING: Position = ("", 0)
END: Position = ("~", 0)
"""Behind all names."""

REPORTED: tuple[tuple[Deadline, ...], ...] = ((), ("start",), ("finish",), ("start", "finish"))
"""Which deadlines were reported, by the number that stands for them in a store."""


class ReviewRange(msgspec.Struct, frozen=True):
    """The part of the walk that one review looks at: behind the one place, up to the other."""

    after: Position
    upto: Position = END

    def onward(self, found: Sequence[Position], limit: int) -> Position:
        """Return where the next review begins, after one that asked for ``limit`` of them."""
        if len(found) >= limit:
            return found[-1]
        return BEGINNING if self.upto == END else self.upto


class Overdue(msgspec.Struct, frozen=True):
    """An occurrence whose job missed a deadline; each is reported once."""

    occurrence: Recorded
    what: Deadline


class Note(msgspec.Struct, frozen=True):
    """What a store writes of an occurrence once it has looked at its job."""

    occurrence: Recorded
    open: bool
    """Whether it is to be looked at again."""

    def row(self) -> tuple[Any, ...]:
        """Return times, state, what was reported and whether it is open; then its key."""
        one = self.occurrence
        state = None if one.state is None else int(one.state)
        noted = (one.started_at, one.finished_at, state, REPORTED.index(one.reported), self.open)
        return (*noted, one.schedule, one.planned)


class OverdueReview(msgspec.Struct, frozen=True):
    """What to report and what to note."""

    overdue: tuple[Overdue, ...]
    notes: tuple[Note, ...]


def overdue(one: Recorded, now: int) -> tuple[Deadline, ...]:
    """Name the deadlines that an occurrence's job has missed by ``now``."""
    if one.state is None:
        return ()
    missed: list[Deadline] = []
    if one.start_by is not None and (one.started_at or one.finished_at or now) > one.start_by:
        missed.append("start")
    if one.finish_by is not None and (one.finished_at or now) > one.finish_by:
        missed.append("finish")
    return tuple(missed)


def review(found: Iterable[Recorded], now: int, limit: int) -> OverdueReview:
    """Choose what to report of occurrences, ``limit`` deadlines at most, and what to note."""
    reported: list[Overdue] = []
    notes: list[Note] = []
    for seen in found:
        late: list[Deadline] = [what for what in overdue(seen, now) if what not in seen.reported]
        chosen = late[: limit - len(reported)]
        one = replace(seen, reported=_with(seen.reported, chosen))
        reported += [Overdue(one, what) for what in chosen]
        if one.state is None or one.state.final:
            notes.append(Note(one, open=len(chosen) < len(late)))
        else:
            # Only the first start is noted meanwhile: a retry's comes later.
            notes.append(Note(replace(one, finished_at=None, state=None), open=True))
    return OverdueReview(tuple(reported), tuple(notes))


def _with(reported: tuple[Deadline, ...], more: list[Deadline]) -> tuple[Deadline, ...]:
    return tuple([what for what in REPORTED[-1] if what in reported or what in more])
