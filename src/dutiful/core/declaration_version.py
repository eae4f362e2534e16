"""Which of several versions of an app's declared schedules is in force.

Workers of two versions run side by side during a deploy. The declaration version that appeared last
rules for as long as one of its workers is seen, so a restarted worker of the old one changes
nothing. Once the newer one is gone, as after a roll back, the older one counts as new when it is
seen.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from .instant import DAY, MINUTE
from .occurrence import DeclarationVersion

ALIVE = 1 * MINUTE
"""A declaration version that no worker has shown for this long is gone."""
REMEMBERED = 30 * DAY
"""For how long one that is gone is kept, but for the one in force."""


def shown(
    declaration_versions: Iterable[DeclarationVersion], digest: str, now: int
) -> DeclarationVersion:
    """Return the version of ``digest`` as it stands once it has been shown at ``now``."""
    known = {
        declaration_version.digest: declaration_version
        for declaration_version in declaration_versions
    }
    mine = known.get(digest)
    if mine is not None and alive(mine, now):
        return replace(mine, seen_at=now)
    top = max((declaration_version.rank for declaration_version in known.values()), default=0)
    return DeclarationVersion(digest, top + 1, now, mine.applied if mine is not None else 0)


def alive(declaration_version: DeclarationVersion, now: int) -> bool:
    """Whether a version was seen lately; one seen in the future was, before a clock was set."""
    return now - declaration_version.seen_at <= ALIVE


def rules(declaration_versions: Iterable[DeclarationVersion], digest: str, now: int) -> bool:
    """Whether the declaration version of ``digest`` is the newest of those that are seen."""
    living = [
        declaration_version
        for declaration_version in declaration_versions
        if alive(declaration_version, now)
    ]
    top = max(living, key=lambda declaration_version: declaration_version.rank, default=None)
    return top is not None and top.digest == digest


def in_force(declaration_versions: Iterable[DeclarationVersion], digest: str) -> bool:
    """Whether the schedules of ``digest`` are those that the store holds."""
    applied = [
        declaration_version
        for declaration_version in declaration_versions
        if declaration_version.applied
    ]
    top = max(applied, key=lambda declaration_version: declaration_version.applied, default=None)
    return top is not None and top.digest == digest


def forgotten(declaration_versions: Iterable[DeclarationVersion], now: int) -> tuple[str, ...]:
    """Name those that a store need not keep: long gone and not in force; a deploy leaves one."""
    known = tuple(declaration_versions)
    return tuple(
        declaration_version.digest
        for declaration_version in known
        if now - declaration_version.seen_at > REMEMBERED
        and not in_force(known, declaration_version.digest)
    )
