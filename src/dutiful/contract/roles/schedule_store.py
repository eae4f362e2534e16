"""The role of keeping schedules and making each of their occurrences once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from dutiful.core.advance import Switch
from dutiful.core.declaration import DeclarationPlan
from dutiful.core.occurrence import Advance, Due, GaveWay, Recorded, Standing
from dutiful.core.overdue import Overdue
from dutiful.core.retirement import Missed
from dutiful.core.schedule import Schedule

KEPT_MAX = 1000
"""How many occurrences of one schedule a store keeps: the newest, and any whose jobs are live."""


class Declared(msgspec.Struct, frozen=True):
    """The result of an app's declaration."""

    rules: bool
    """Whether this declaration version is the newest one shown; if not, nothing was changed."""
    applied: bool = False
    """Whether the store now holds this declaration version's schedules."""
    changed: tuple[str, ...] = ()
    """Names that were added, changed or brought back."""
    retired: tuple[str, ...] = ()
    missed: tuple[Missed, ...] = ()
    """The occurrences that are not made because their schedules were retired."""
    added: tuple[str, ...] = ()
    """The changed names that were new to the store."""

    @classmethod
    def by(cls, plan: DeclarationPlan) -> Declared:
        """Return the result of a declaration that was written."""
        changed = tuple([one.name for one in plan.written])
        retired = tuple([one.standing.name for one in plan.retired])
        return cls(True, True, changed, retired, plan.missed, plan.added)


class Deleted(msgspec.Struct, frozen=True):
    """Which schedules were deleted, and which occurrences are therefore not made."""

    names: tuple[str, ...] = ()
    missed: tuple[Missed, ...] = ()


class DueBatch(msgspec.Struct, frozen=True):
    """The schedules that are due now, by the store's clock."""

    now: int
    due: tuple[Due, ...] = ()
    next_in: int | None = None
    """Microseconds until the next occurrence of any other schedule; None when there is none."""


class Advanced(msgspec.Struct, frozen=True):
    """Which moves were written."""

    accepted: tuple[str, ...] = ()
    """Names of the schedules that still had the version that was read."""
    made: tuple[str, ...] = ()
    """Ids of the jobs that were new."""
    cancelled: tuple[str, ...] = ()
    gave_way: tuple[GaveWay, ...] = ()
    """Occurrences whose jobs were not stored, since other jobs hold their unique keys."""


class ScheduleStore(Protocol):
    """Keeps schedules, and makes each occurrence once, even if many processes try to.

    A schedule's ``version`` grows with every write to it. Positions are decided by `core.advance`
    and written only if the version is still the one that was read.
    """

    async def declare(
        self, app: str, declaration_version: str, schedules: Sequence[Schedule] | None
    ) -> Declared:
        """Show a version of an app's declared schedules, and change the store to match it.

        Only the declaration version that rules (`core.declaration_version`) changes anything. It
        adds and changes its schedules by `core.advance.begin` and ``change``, and retires those of
        the app that it does not declare, with a record of the occurrences that are therefore not
        made (`core.retirement`). With None the version is only shown. Schedules of other apps, and
        those created at run time, are left as they are. When the app declares one of their names,
        ScheduleTaken is raised and nothing is written, unless that schedule was retired
        (`core.ownership`). Atomicity: one transaction. On lost reply: declare again; the schedules
        that were retired are not reported again.
        """
        ...

    async def put_schedule(self, schedule: Schedule, *, replace: bool, adopt: bool = False) -> bool:
        """Create a schedule at run time; False when the name is taken and ``replace`` is not set.

        ScheduleTaken when it belongs to another owner, unless ``adopt`` takes it over.
        Atomicity: one write. On lost reply: put it again with ``replace``.
        """
        ...

    async def standings(
        self, names: Sequence[str] | None = None, limit: int = 1000, after: str = ""
    ) -> tuple[Standing, ...]:
        """Return schedules by name, paused and retired ones too; all of them page by page.

        Without ``names``, those whose names sort after ``after``, at most ``limit``.
        """
        ...

    async def due(self, limit: int) -> DueBatch:
        """Return at most ``limit`` schedules to advance: those due longest first, and held ones.

        Schedules that are paused, retired or set aside are left out. Changes nothing.
        """
        ...

    async def advance(self, moves: Sequence[Advance]) -> Advanced:
        """Write moves: positions, occurrences, jobs and cancellations.

        Atomicity: each move; preferably all together. A move is written only if its schedule has
        the version named, is not retired, and is not paused (unless the move is ``by_hand``). An
        occurrence that is recorded already is left as it is, and so is its job. A call holds at
        most one move for a schedule. If another job holds the unique key of an occurrence's job,
        the occurrence is recorded as having given way (`core.occurrence.GaveWay`); if its rule says
        ``raise``, DuplicateJob is raised and nothing is written.
        On lost reply: read again what is due; what was written has another version.
        """
        ...

    async def switch(self, names: Sequence[str], how: Switch) -> tuple[str, ...]:
        """Pause or resume schedules and return the names of those changed. Atomicity: each."""
        ...

    async def delete_schedules(self, names: Sequence[str]) -> Deleted:
        """Delete schedules with their recorded occurrences; their jobs stay.

        Returns, once, the occurrences that are not made (`core.retirement.deleted`). Atomicity:
        each schedule.
        """
        ...

    async def occurrences(
        self, name: str, limit: int, before: int | None = None
    ) -> tuple[Recorded, ...]:
        """Return a schedule's occurrences, latest planned first, planned before ``before``."""
        ...

    async def review(self, limit: int) -> tuple[Overdue, ...]:
        """Record which occurrences' jobs have started and ended, and return those newly overdue.

        Each occurrence is returned once for its start and once for its end, to one caller. A call
        reads at most `core.overdue.REVIEWED_MAX` open occurrences, in the order of schedule and
        planned instant, and begins where this engine's last call ended.
        Atomicity: one write. On lost reply: the occurrences of that reply are not returned again.
        """
        ...
