"""Enqueueing what should have run in a past time range."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from dutiful.contract.facade import Store
from dutiful.contract.roles.schedule_store import KEPT_MAX
from dutiful.core.advance import before, make
from dutiful.core.errors import BadOption, DuplicateJob, UsageError
from dutiful.core.instant import SECOND, SPAN_MAX, instant, iso, within_years
from dutiful.core.occurrence import Occurrence, Standing
from dutiful.core.schedule import Schedule, planned_between, read
from dutiful.core.text import shown, worded

from .by_hand import Prepare, add_beside, hooked
from .known_occurrences import KnownOccurrences, known_occurrences
from .options import checked_flag
from .progress import checked_progress, tell

BACKFILL_MAX = 100_000
"""The most occurrences of one backfill, so that a mistyped date does not make a million."""
_BATCH = 500

Progress = Callable[[int, int], None]
"""Called with how many instants are done, and how many there are; no async function.

Sync methods call it in their caller's thread, async ones on the loop.
"""


class Backfill(msgspec.Struct, frozen=True, kw_only=True):
    """A past time range, both ends included, and how fast its jobs become due."""

    start: int
    end: int
    per_second: float | None = 10.0
    """How many of the jobs become due in a second; with None all become due immediately."""
    forgotten: bool = False
    """Whether to enqueue also what may have run, although the store has deleted its records."""

    @classmethod
    def between(
        cls,
        start: datetime,
        end: datetime,
        *,
        per_second: float | None = 10.0,
        forgotten: bool = False,
    ) -> Backfill:
        """Give the time range as datetimes; BadOption without a time zone, or if swapped."""
        return cls(
            start=instant(start), end=instant(end), per_second=per_second, forgotten=forgotten
        )

    def __post_init__(self) -> None:
        """Refuse bounds that are no time range, and a rate that is not above zero."""
        for name, at in (("start", self.start), ("end", self.end)):
            if type(at) is not int:
                raise UsageError(f"{name}={shown(at)}; give microseconds since 1970")
            within_years(at, at)
        if self.end < self.start:
            raise BadOption(
                f"the time range begins at {iso(self.start)} and ends before that, at "
                f"{iso(self.end)}; give the earlier time first"
            )
        checked_flag(self.forgotten, "forgotten")
        if self.per_second is not None and not _is_pace(self.per_second):
            raise UsageError(f"per_second={shown(self.per_second)}; give a number above 0, or None")


def _is_pace(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value < math.inf


class BackfillResult(NamedTuple):
    """What became of the instants of a time range."""

    planned: int
    """How many instants the schedule's rule has there."""
    made: int
    """How many jobs were enqueued."""
    gave_way: int
    """How many store no job, since another one holds their unique key."""


def instants(schedule: Schedule, backfill: Backfill) -> tuple[int, ...]:
    """List the planned instants of a backfill; UsageError when they are too many."""
    walk = planned_between(schedule, backfill.start, backfill.end)
    found = tuple(islice(walk, BACKFILL_MAX + 1))
    if len(found) > BACKFILL_MAX:
        raise UsageError(
            f"{schedule.name} has more than {BACKFILL_MAX:,} occurrences in that time range; "
            "backfill it in parts"
        )
    return found


async def fill_in(
    store: Store,
    standing: Standing,
    backfill: Backfill,
    progress: Progress | None = None,
    prepare: Prepare | None = None,
) -> BackfillResult:
    """Enqueue the occurrences of a time range that have no record yet.

    UsageError where hooks or unique rules refuse some of them; all others are enqueued before.
    """
    progress = checked_progress(progress, "two numbers")
    schedule = read(standing.spec)
    now = (await store.schedules.due(0)).now
    if backfill.end > now:
        raise UsageError(
            f"the time range to backfill of {standing.name} ends in the future; "
            "end it before now, since the schedule itself makes future occurrences"
        )
    planned = instants(schedule, backfill)
    known = await known_occurrences(store, standing, now)
    missing = [at for at in planned if at not in known.planned]
    if not backfill.forgotten:
        _refuse_forgotten(schedule.name, missing, known)
    _refuse_unique(schedule, missing)
    filling = _Filling(store, standing, prepare)
    there = len(planned) - len(missing)
    all_of_them = _occurrences(schedule, planned, missing, backfill)
    for part in iter(lambda: list(islice(all_of_them, _BATCH)), []):
        there += len(part)
        if not await filling.add(part):
            break  # nothing passes any more
        if progress is not None:
            await tell(partial(progress, there, len(planned)))
    filling.tell(len(missing))
    return BackfillResult(len(planned), filling.made, filling.gave_way)


class _Filling:
    """Adds occurrences, and keeps which of them hooks or unique rules refused."""

    def __init__(self, store: Store, standing: Standing, prepare: Prepare | None) -> None:
        self._store = store
        self._standing = standing
        self._prepare = prepare
        self._refused: list[tuple[int, str]] = []
        self.made = 0
        self.gave_way = 0

    async def add(self, occurrences: Sequence[Occurrence]) -> bool:
        """Add occurrences; False if each of them was refused."""
        before_it = len(self._refused)
        await self._store_all(await self._hooked(occurrences))
        return len(self._refused) - before_it < len(occurrences)

    def tell(self, many: int) -> None:
        """Raise UsageError if some were refused."""
        if not self._refused:
            return
        at, why = self._refused[0]
        raise UsageError(
            f"{len(self._refused):,} of {many:,} instants of {self._standing.name} were refused, "
            f"the first, {iso(at)}, by {why}. {self.made:,} jobs were enqueued. Fix that, and "
            "backfill the time range again: that adds what is missing"
        )

    async def _hooked(self, occurrences: Sequence[Occurrence]) -> list[Occurrence]:
        """Pass jobs through the hooks, one by one where they refuse a batch."""
        try:
            return await hooked(self._prepare, occurrences)
        except Exception as error:  # noqa: BLE001 - the user's code; reported at the end
            if len(occurrences) == 1:
                why = f"an on_enqueue hook: {worded(error)}"
                self._refused.append((occurrences[0].planned, why))
                return []
        return [passed for one in occurrences for passed in await self._hooked([one])]

    async def _store_all(self, occurrences: Sequence[Occurrence]) -> None:
        """Store jobs, one by one where a unique rule refuses the batch."""
        if not occurrences:
            return
        try:
            written = await add_beside(self._store, self._standing, occurrences)
        except DuplicateJob as error:
            if len(occurrences) == 1:
                why = f"its unique rule: {worded(error)}"
                self._refused.append((occurrences[0].planned, why))
                return
        else:
            self._standing = written.standing
            self.made += written.made
            self.gave_way += len(written.gave_way)
            return
        for one in occurrences:
            await self._store_all([one])


def _refuse_forgotten(name: str, missing: Sequence[int], known: KnownOccurrences) -> None:
    """Refuse instants that may have run, since the store has deleted their records."""
    lost = [at for at in missing if known.forgotten is not None and at <= known.forgotten]
    if lost and known.forgotten is not None:
        raise UsageError(
            f"{len(lost):,} instants of {name}, from {iso(lost[0])} to {iso(lost[-1])}, have no "
            f"record, but may have run: the store has forgotten some records from before "
            f"{iso(known.forgotten)}, as it keeps the newest {KEPT_MAX:,}. Begin after that, or "
            "say forgotten=True to enqueue them all the same"
        )


def _refuse_unique(schedule: Schedule, missing: Sequence[int]) -> None:
    """Refuse a backfill of which a unique rule would let one job through, and lose the others."""
    if schedule.unique is not None and len(missing) > 1:
        raise UsageError(
            f"the unique rule of {schedule.name} admits one job of {schedule.unique.key!r} at a "
            f"time, so {len(missing):,} instants would have one job; say unique=None at the "
            "schedule, or backfill them one by one"
        )


def _occurrences(
    schedule: Schedule, planned: Sequence[int], missing: Sequence[int], backfill: Backfill
) -> Iterator[Occurrence]:
    """Build what is missing, so that the jobs become due one after another."""
    earlier = dict(zip(planned[1:], planned, strict=False))
    for place, at in enumerate(missing):
        previous = earlier[at] if at in earlier else before(schedule, at)
        one = make(schedule, at, previous, backfilled=True)
        if backfill.per_second is not None and one.job is not None:
            delay = round(min(place / backfill.per_second, SPAN_MAX / SECOND) * SECOND)
            one = replace(one, job=replace(one.job, delay=delay))
        yield one
