"""Whose a schedule is: nobody takes over another's by chance.

A schedule belongs to the app that declares it, by its name, or to nobody when it was created at run
time. A name is held by one of them; a schedule that its app has retired may be taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .errors import ScheduleTaken
from .occurrence import Standing
from .schedule import Schedule


def refuse_taken(known: Mapping[str, Standing], schedules: Iterable[Schedule]) -> None:
    """Raise ScheduleTaken for what is about to be written over another owner's schedules."""
    taken: dict[str | None, list[str]] = {}
    owner: str | None = None
    for one in schedules:
        before = known.get(one.name)
        if before is None or before.retired_at is not None or _unread(before):
            continue
        if before.app != one.app:
            owner = one.app
            taken.setdefault(before.app, []).append(one.name)
    if taken:
        raise ScheduleTaken(owner, taken)


def _unread(standing: Standing) -> bool:
    """Whether a row does not say whose it is: it stands in nobody's way."""
    return standing.unreadable is not None and "app" in standing.unreadable.split(", ")
