"""What is written when an app declares its schedules, or when one is created at run time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from .advance import begin, change
from .declaration_version import forgotten, in_force, rules, shown
from .occurrence import DeclarationVersion, Standing
from .ownership import refuse_taken
from .retirement import Missed, Retirement, retire
from .schedule import Schedule


class Showing(msgspec.Struct, frozen=True):
    """What a store writes of an app's versions when one of them is shown, and what that means."""

    declaration_version: DeclarationVersion
    """The one that is shown, as it is stored unless its schedules are written, too."""
    forgotten: tuple[str, ...]
    """Digests of those that are deleted."""
    rules: bool
    """Whether its schedules may be written."""
    in_force: bool
    """Whether they are those that the store holds."""
    applied: int
    """What the declaration version counts once its schedules are written: more than all others."""


class DeclarationPlan(msgspec.Struct, frozen=True):
    """What a store writes so that it holds what an app declares; all of it, or nothing."""

    declaration_version: DeclarationVersion
    written: tuple[Standing, ...]
    """Schedules that are added, changed or brought back."""
    added: tuple[str, ...]
    """Names of those that the store did not know."""
    retired: tuple[Retirement, ...]
    """By name. What they leave undone is recorded with them and counts on their numbers."""

    @property
    def missed(self) -> tuple[Missed, ...]:
        """What the retired ones leave undone."""
        return tuple([one.missed for one in self.retired if one.missed is not None])


def show(declaration_versions: Iterable[DeclarationVersion], digest: str, now: int) -> Showing:
    """Decide what follows when ``digest`` is shown; ``declaration_versions`` are its app's."""
    known = {
        declaration_version.digest: declaration_version
        for declaration_version in declaration_versions
    }
    mine = known[digest] = shown(known.values(), digest, now)
    ruling = rules(known.values(), digest, now)
    return Showing(
        mine,
        forgotten(known.values(), now),
        ruling,
        ruling and in_force(known.values(), digest),
        1 + max(declaration_version.applied for declaration_version in known.values()),
    )


def declare(
    showing: Showing,
    app: str,
    schedules: Sequence[Schedule],
    known: Mapping[str, Standing],
    now: int,
) -> DeclarationPlan:
    """Plan how an app's schedules are brought in line with those of the version that rules.

    ``known`` holds all schedules of the app and of these names, by name, and may hold others.
    Raises ScheduleTaken when another owner has one of the names.
    """
    refuse_taken(known, schedules)
    written = tuple(
        [after for one in schedules if (after := _brought(known.get(one.name), one, now))]
    )
    declared = {one.name for one in schedules}
    dropped = [
        known[name] for name in sorted(known) if known[name].app == app and name not in declared
    ]
    return DeclarationPlan(
        replace(showing.declaration_version, applied=showing.applied),
        written,
        tuple([one.name for one in written if one.name not in known]),
        tuple([ended for one in dropped if (ended := retire(one, now)) is not None]),
    )


def create(
    before: Standing | None, schedule: Schedule, now: int, *, replaces: bool, adopts: bool
) -> tuple[Standing, ...] | None:
    """Return what is written when a schedule is created at run time, nothing if it has that spec.

    None when its name is taken and it does not replace what is there. Raises ScheduleTaken when
    that belongs to another owner and is not adopted.
    """
    if before is not None and not replaces:
        return None
    if before is not None and not adopts:
        refuse_taken({before.name: before}, [schedule])
    after = _brought(before, schedule, now)
    return () if after is None else (after,)


def _brought(before: Standing | None, schedule: Schedule, now: int) -> Standing | None:
    """Return where a schedule stands with its spec; None when it has it."""
    return begin(schedule, now) if before is None else change(before, schedule, now)
