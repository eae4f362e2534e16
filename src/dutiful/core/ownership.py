"""Which app owns a schedule, so that no app takes over another's by accident.

A schedule belongs to the app that declares it; one that was created at run time has no app. Each
name has one owner. A schedule that its app has retired may be taken by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .errors import ScheduleTaken
from .occurrence import Standing
from .schedule import Schedule, owned


def refuse_taken(known: Mapping[str, Standing], schedules: Iterable[Schedule]) -> None:
    """Raise ScheduleTaken for what is about to be written over another owner's schedules."""
    taken: dict[str | None, list[str]] = {}
    owner: str | None = None
    for one in schedules:
        before = known.get(one.name)
        if before is None or before.retired_at is not None or owner_unclear(before):
            continue
        if before.app != one.app:
            owner = one.app
            taken.setdefault(before.app, []).append(one.name)
    if taken:
        raise ScheduleTaken(owner, taken)


def owner_unclear(standing: Standing) -> str:
    """Say why a row does not show its owner, so that any may take the name; empty where it does.

    The owner is written twice, in a column of its own and in the spec. Where they differ, another
    program wrote one of them.
    """
    if standing.unreadable is not None and "app" in standing.unreadable.split(", "):
        return "app cannot be read"
    spec = owned(standing.spec)
    if spec is None or spec.name != standing.name:
        return "its spec does not name its owner"
    if spec.app == standing.app:
        return ""
    return f"its row says that it belongs to {_named(standing.app)}, its spec to {_named(spec.app)}"


def _named(owner: str | None) -> str:
    return "no app" if owner is None else f"app {owner!r}"
