"""Which of several versions of an app's declared schedules is in force.

Workers of two versions run side by side during a deploy. The edition that appeared last rules for
as long as one of its workers is seen, so a restarted worker of the old one changes nothing. Once
the newer one is gone, as after a roll back, the older one counts as new when it is seen.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from .instant import DAY, MINUTE
from .occurrence import Edition

ALIVE = 1 * MINUTE
"""An edition that nobody has shown for so long is gone."""
REMEMBERED = 30 * DAY
"""For how long one that is gone is kept, but for the one in force."""


def shown(editions: Iterable[Edition], digest: str, now: int) -> Edition:
    """Return the edition of ``digest`` as it stands once it has been shown at ``now``."""
    known = {edition.digest: edition for edition in editions}
    mine = known.get(digest)
    if mine is not None and alive(mine, now):
        return replace(mine, seen_at=now)
    top = max((edition.rank for edition in known.values()), default=0)
    return Edition(digest, top + 1, now, mine.applied if mine is not None else 0)


def alive(edition: Edition, now: int) -> bool:
    """Whether an edition was seen lately; one seen in the future was, before a clock was set."""
    return now - edition.seen_at <= ALIVE


def rules(editions: Iterable[Edition], digest: str, now: int) -> bool:
    """Whether the edition of ``digest`` is the newest of those that are seen."""
    living = [edition for edition in editions if alive(edition, now)]
    top = max(living, key=lambda edition: edition.rank, default=None)
    return top is not None and top.digest == digest


def in_force(editions: Iterable[Edition], digest: str) -> bool:
    """Whether the schedules of ``digest`` are those that the store holds."""
    applied = [edition for edition in editions if edition.applied]
    top = max(applied, key=lambda edition: edition.applied, default=None)
    return top is not None and top.digest == digest


def forgotten(editions: Iterable[Edition], now: int) -> tuple[str, ...]:
    """Name those that a store need not keep: long gone and not in force; a deploy leaves one."""
    known = tuple(editions)
    return tuple(
        edition.digest
        for edition in known
        if now - edition.seen_at > REMEMBERED and not in_force(known, edition.digest)
    )
