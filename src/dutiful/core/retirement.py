"""What becomes of a schedule that its app declares no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from .misfire import give_up_due
from .occurrence import Occurrence, Standing
from .schedule import read

WHY = "its schedule was retired"
WHY_DELETED = "its schedule was deleted"


class Missed(msgspec.Struct, frozen=True):
    """Occurrences of one schedule that were due, or held, and will not be made."""

    schedule: str
    planned: int
    """The latest of them."""
    count: int


class Retirement(msgspec.Struct, frozen=True):
    """Where a retired schedule stands, and what it leaves undone, to be recorded with it."""

    standing: Standing
    occurrences: tuple[Occurrence, ...] = ()
    missed: Missed | None = None


def retire(standing: Standing, now: int) -> Retirement | None:
    """Retire a schedule; None when it is."""
    if standing.retired_at is not None:
        return None
    misses, missed = _undone(standing, now)
    last = standing.last
    if misses:
        last = max(misses) if last is None else max(last, *misses)
    if standing.held is not None:
        misses, missed = [standing.held, *misses], missed + 1
    after = replace(
        standing,
        version=standing.version + 1,
        last=last,
        retired_at=now,
        next=None,
        held=None,
        held_previous=None,
    )
    if not misses:
        return Retirement(after)
    occurrences = tuple([Occurrence(planned=at, kind="missed", why=WHY) for at in misses])
    return Retirement(after, occurrences, Missed(standing.name, max(misses), missed))


def delete(
    known: Mapping[str, Standing], names: Iterable[str], now: int
) -> tuple[tuple[str, ...], tuple[Missed, ...]]:
    """Return which of the named schedules are deleted, and what they leave undone."""
    found = [known[name] for name in dict.fromkeys(names) if name in known]
    missed = [undone for one in found if (undone := deleted(one, now)) is not None]
    return tuple([one.name for one in found]), tuple(missed)


def deleted(standing: Standing, now: int) -> Missed | None:
    """Return what a deleted schedule leaves undone; its records are deleted with it."""
    if standing.retired_at is not None:
        return None
    misses, missed = _undone(standing, now)
    if standing.held is not None:
        misses, missed = [standing.held, *misses], missed + 1
    return Missed(standing.name, max(misses), missed) if misses else None


def _undone(standing: Standing, now: int) -> tuple[list[int], int]:
    """Return the newest instants that are due and not dealt with, and how many there are."""
    if standing.next is None or standing.next > now:
        return [], 0
    try:
        return give_up_due(read(standing.spec), standing, now)
    except Exception:  # noqa: BLE001 - a broken schedule must not keep an app from declaring
        return [standing.next], 1
