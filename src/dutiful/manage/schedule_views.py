"""Looking at schedules and at what became of their occurrences."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypedDict, TypeVar, Unpack, cast

from dutiful.client.looping import refuse_on_loop
from dutiful.client.options import checked_flag, known
from dutiful.client.schedules import DeclaredSchedules
from dutiful.contract.facade import Store
from dutiful.core.errors import BadOption, UnknownSchedule
from dutiful.core.instant import instant, moment
from dutiful.core.occurrence import Standing
from dutiful.core.schedule import planned_after, read
from dutiful.core.text import shown, whole

from .app_protocol import ManagedApp, existing
from .choice import texts
from .page import Page, cursor, page_limit
from .schedule_check import ScheduleFinding, check
from .schedule_records import (
    OccurrenceRecord,
    ScheduleRecord,
    Status,
    occurrence_record,
    schedule_record,
)

T = TypeVar("T")

_PAGE = 1000
HISTORY_MAX = 10_000


class ScheduleFilters(TypedDict, total=False):
    """Which schedules; every filter that is given must hold, and None is no filter."""

    app: str | None
    """Declared by this app."""
    task: str | Sequence[str] | None
    """Of this task, or of one of these."""
    queue: str | Sequence[str] | None
    """With jobs in this queue, or in one of these."""
    status: Status | Sequence[Status] | None
    """With this status, or one of these."""


class ScheduleViews(DeclaredSchedules):
    """What can be seen of schedules."""

    def __init__(self, app: ManagedApp) -> None:
        """Start with no declared schedule."""
        super().__init__(app)
        self._host = app

    async def aget(self, name: str) -> ScheduleRecord:
        """Return where a schedule stands; raises UnknownSchedule."""
        return schedule_record(await self._standing(name))

    async def alist(
        self,
        *,
        limit: int = _PAGE,
        after: str | None = None,
        **filters: Unpack[ScheduleFilters],
    ) -> Page[ScheduleRecord]:
        """Return schedules by name, those that are paused or retired too.

        A page has at most ``limit``; ``after`` is the ``next_cursor`` of the page before.
        """
        most, begin, which = page_limit(limit), cursor(after) or "", _which(filters)
        found: list[ScheduleRecord] = []
        async for standing in self._standings(begin):
            record = schedule_record(standing)
            if not _matches(record, which):
                continue
            if len(found) == most:
                return Page(tuple(found), found[-1].name)
            found.append(record)
        return Page(tuple(found))

    async def aiterate(self, **filters: Unpack[ScheduleFilters]) -> AsyncIterator[ScheduleRecord]:
        """Go through all schedules that match, by name, a page at a time."""
        which = _which(filters)
        async for standing in self._standings():
            record = schedule_record(standing)
            if _matches(record, which):
                yield record

    async def ahistory(
        self, name: str, limit: int = 20, before: datetime | None = None
    ) -> tuple[OccurrenceRecord, ...]:
        """Return what became of a schedule's occurrences, the latest first.

        ``before`` asks for those planned before that time, such as before the last of a call.
        """
        if type(limit) is not int or not 0 < limit <= HISTORY_MAX:
            raise BadOption(f"limit={shown(limit)}; use 1 to {HISTORY_MAX:,}")
        at = None if before is None else instant(before)
        standing, store = await self._standing(name), await self._store()
        rows = await store.schedules.occurrences(standing.name, limit, at)
        return tuple(occurrence_record(row) for row in rows)

    async def aupcoming(
        self, name: str, count: int = 10, after: datetime | None = None
    ) -> tuple[datetime, ...]:
        """Return the next planned instants of a schedule by its rule, in UTC.

        They follow ``after``, by default the store's now. A paused schedule makes none of them
        until it is resumed. BadSchedule where this version cannot read the rule.
        """
        if type(count) is not int or not 0 < count <= HISTORY_MAX:
            raise BadOption(f"count={shown(count)}; use 1 to {HISTORY_MAX:,}")
        start = None if after is None else instant(after)
        schedule, store = read((await self._standing(name)).spec), await self._store()
        if start is None:
            start = (await store.schedules.due(0)).now

        def instants(at: int) -> Iterator[datetime]:
            found = planned_after(schedule, at)
            while found is not None:
                yield moment(found)
                found = planned_after(schedule, found)

        return tuple(islice(instants(start), count))

    async def acheck(self, *, code: bool = True) -> tuple[ScheduleFinding, ...]:
        """Look for schedules that never fire, meet a missing hour, are too slow, or have no task.

        With ``code``, those that this app declares are checked as well, and all arguments are
        checked by the signatures of its tasks. The first finding is about the clock.
        """
        declared = self.declared if checked_flag(code, "code") else None
        store = await self._store()
        stored = [standing async for standing in self._standings()]
        return await check(self._host, declared, store, stored)

    def get(self, name: str) -> ScheduleRecord:
        """Do what `aget` does, from sync code."""
        return self._run(self.aget(name))

    def list(
        self,
        *,
        limit: int = _PAGE,
        after: str | None = None,
        **filters: Unpack[ScheduleFilters],
    ) -> Page[ScheduleRecord]:
        """Do what `alist` does, from sync code."""
        return self._run(self.alist(limit=limit, after=after, **filters))

    def iterate(self, **filters: Unpack[ScheduleFilters]) -> Iterator[ScheduleRecord]:
        """Do what `aiterate` does, from sync code."""
        refuse_on_loop("iterate", instead="async for ... in ...aiterate(...)")
        _which(filters)
        return self._each(filters)

    def history(
        self, name: str, limit: int = 20, before: datetime | None = None
    ) -> tuple[OccurrenceRecord, ...]:
        """Do what `ahistory` does, from sync code."""
        return self._run(self.ahistory(name, limit, before))

    def upcoming(
        self, name: str, count: int = 10, after: datetime | None = None
    ) -> tuple[datetime, ...]:
        """Do what `aupcoming` does, from sync code."""
        return self._run(self.aupcoming(name, count, after))

    def check(self, *, code: bool = True) -> tuple[ScheduleFinding, ...]:
        """Do what `acheck` does, from sync code."""
        return self._run(self.acheck(code=code))

    def _each(self, filters: ScheduleFilters) -> Iterator[ScheduleRecord]:
        after: str | None = None
        while True:
            page = self._run(self.alist(after=after, **filters))
            yield from page.items
            after = page.next_cursor
            if after is None:
                return

    async def _standing(self, name: str) -> Standing:
        text, store = whole(name, "schedule name"), await self._store()
        for standing in await store.schedules.standings([text]):
            return standing
        raise UnknownSchedule(name, await self._near(name))

    async def _standings(self, after: str = "") -> AsyncIterator[Standing]:
        store = await self._store()
        while page := await store.schedules.standings(None, _PAGE, after):
            for standing in page:
                yield standing
            after = page[-1].name

    async def _near(self, name: str) -> str:
        names = [standing.name async for standing in self._standings()]
        return " or ".join(difflib.get_close_matches(name, names, n=2))

    async def _store(self, *, create: bool = False) -> Store:
        """Return the open store; Unsupported, before any I/O, where it keeps no schedules.

        StoreUnusable where there is no store yet, unless ``create`` makes it.
        """
        _ = self._host.store.schedules
        return await existing(self._host, create=create)

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._host.portal.run(coroutine)


def _which(given: ScheduleFilters) -> dict[str, tuple[str, ...]]:
    """Return what each filter admits; BadOption names the one that cannot be used."""
    known(given, ScheduleFilters.__annotations__, "the filter")
    found: dict[str, tuple[str, ...]] = {}
    for name, value in given.items():
        if value is not None:
            try:
                found[name] = texts(value)
            except BadOption as error:
                raise BadOption(f"{name}: {error}") from None
    for word in found.get("status", ()):
        if word not in _STATUSES:
            raise BadOption(f"status: {shown(word)}; choose from {', '.join(_STATUSES)}")
    return found


_STATUSES = cast("tuple[str, ...]", Status.__args__)  # type: ignore[attr-defined]  # of a Literal


def _matches(record: ScheduleRecord, which: dict[str, tuple[str, ...]]) -> bool:
    return all(getattr(record, name) in admitted for name, admitted in which.items())
