"""The one place that decides which occurrences a schedule makes now, and which it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec.structs import replace

from .errors import BadSchedule
from .instant import MINUTE
from .misfire import plan_due
from .occurrence import Advance, Due, Occurrence, Standing
from .rule_history import as_declared, following, in_course, remembering
from .schedule import (
    Schedule,
    born_of,
    job_of,
    planned_after,
    planned_before_or_at,
    read,
    written,
)

Switch = Literal["pause", "resume"]

BROKEN_PAUSE = 1 * MINUTE
"""After how long a schedule that could not be advanced is tried again."""


def begin(schedule: Schedule, now: int) -> Standing:
    """Return where a new schedule stands.

    Its version begins with the time: a move that was decided for another of its name, which has
    been deleted since, must not fit.
    """
    return Standing(
        name=schedule.name,
        spec=written(replace(schedule, born=now)),
        app=schedule.app,
        exclusive=schedule.overlap != "allow",
        version=now,
        created_at=now,
        changed_at=now,
        since=now,
        next=_next(schedule, now),
    )


def change(standing: Standing, schedule: Schedule, now: int) -> Standing | None:
    """Return where a schedule stands with another spec; None when that changes nothing.

    History and position are kept. Occurrences that are due already go by the old rule, and the
    next ones by the new. One that comes back from retirement begins now.
    """
    if standing.unreadable is not None:
        return _rewritten(standing, schedule, now)
    as_it_was = standing.retired_at is None and standing.app == schedule.app
    if as_it_was and written(schedule) == as_declared(standing.spec):
        return None
    due = standing.next is not None and standing.next <= now and standing.retired_at is None
    stored = remembering(standing, schedule, now) if due else schedule
    # A clock that was set back must not let the new rule make what lies behind the last one.
    since = now if standing.last is None else max(now, standing.last)
    return replace(
        standing,
        spec=written(replace(stored, born=born_of(standing.spec))),
        app=schedule.app,
        exclusive=schedule.overlap != "allow",
        version=standing.version + 1,
        changed_at=now,
        since=standing.since if standing.retired_at is None else now,
        next=standing.next if due else _next(schedule, since),
        held=standing.held if standing.retired_at is None else None,
        held_previous=standing.held_previous if standing.retired_at is None else None,
        retired_at=None,
        broken=None,
        retry_at=None,
    )


def _rewritten(standing: Standing, schedule: Schedule, now: int) -> Standing:
    """Begin a schedule again whose row cannot be read; readable counts and a pause are kept."""
    return replace(
        begin(schedule, now),
        version=max(standing.version + 1, now),
        number=standing.number,
        paused_at=standing.paused_at,
    )


def _next(schedule: Schedule, after: int) -> int | None:
    """Return the next planned instant; ``after`` where the rule fails, as the scheduler reports."""
    try:
        return planned_after(schedule, after)
    except BadSchedule:
        return after


def paused(standing: Standing, now: int) -> Standing | None:
    """Return where a schedule stands once paused; None when it is."""
    if standing.paused_at is not None:
        return None
    return replace(standing, version=standing.version + 1, paused_at=now)


def resumed(standing: Standing, now: int) -> Standing | None:
    """Return where a schedule stands once resumed: what it missed goes by the misfire rule."""
    if standing.paused_at is None:
        return None
    return replace(standing, version=standing.version + 1, paused_at=None, since=now)


def switched(
    known: Mapping[str, Standing], names: Iterable[str], how: Switch, now: int
) -> list[Standing]:
    """Return where those of the named schedules stand that a pause or a resumption changes."""
    turn = paused if how == "pause" else resumed
    found = [known[name] for name in dict.fromkeys(names) if name in known]
    return [after for one in found if (after := turn(one, now)) is not None]


def advance(due: Due, now: int) -> Advance | None:
    """Decide what a schedule makes at ``now``; None when there is nothing to write.

    Raises BadSchedule, and whatever a broken rule raises: see `give_up`.
    """
    standing = due.standing
    if standing.unreadable is not None:
        raise BadSchedule(f"the stored schedule cannot be read, in {standing.unreadable}")
    latest = read(standing.spec)
    if standing.paused_at is not None or standing.retired_at is not None:
        return None
    plans = plan_due(latest, standing, now)
    choice = _Overlap(plans[0][0] if plans else latest, standing, due.live)
    last = standing.last
    for schedule, plan in plans:
        choice.schedule = schedule
        previous = None if plan.misses else last
        for planned in plan.make:
            choice.add(planned, before(schedule, planned) if previous is None else previous)
            previous = planned
        last = plan.last
    if choice.held == standing.held and not plans:
        return None
    missed = [_missed(planned) for _, plan in plans for planned in plan.misses]
    return Advance(
        name=standing.name,
        version=standing.version,
        last=last,
        next=following(latest, plans[-1][1].last) if plans else standing.next,
        held=choice.held,
        held_previous=choice.held_previous,
        occurrences=tuple(sorted(missed + choice.occurrences, key=lambda one: one.planned)),
        cancel=tuple(choice.cancel),
        missed=sum(plan.missed for _, plan in plans),
        missed_last=max((one.planned for one in missed), default=None),
    )


def give_up(due: Due, error: str, now: int) -> Advance:
    """Set a schedule aside that could not be advanced, so that it delays no other."""
    return replace(staying(due.standing), broken=error, retry_at=now + BROKEN_PAUSE)


def staying(standing: Standing) -> Advance:
    """Return a move that leaves a schedule where it stands, to be given what it is made for."""
    return Advance(
        name=standing.name,
        version=standing.version,
        last=standing.last,
        next=standing.next,
        held=standing.held,
        held_previous=standing.held_previous,
        broken=standing.broken,
        retry_at=standing.retry_at,
    )


class _Overlap:
    """Applies the overlap rule to one instant after another."""

    def __init__(self, schedule: Schedule, standing: Standing, live: tuple[str, ...]) -> None:
        self.schedule = schedule
        self.held, self.held_previous = standing.held, standing.held_previous
        self.occurrences: list[Occurrence] = []
        self.cancel: list[str] = []
        self._live = list(live)
        self._made = 0
        if self.held is not None and not self._live:
            self._make(self.held, self._let_go(self.held))

    def add(self, planned: int, previous: int | None) -> None:
        """Make one instant's occurrence, hold it, or skip it."""
        busy = bool(self._live) or self._made > 0
        match self.schedule.overlap:
            case "skip" if busy:
                self._skip(planned, previous, "the one before still runs")
            case "queue-one" if busy:
                if self.held is not None:
                    self._skip(self.held, self._let_go(self.held), "a later one took its place")
                self.held, self.held_previous = planned, previous
            case "cancel-running" if busy:
                self.cancel, self._live = self.cancel + self._live, []
                self._supersede()
                self._make(planned, previous)
            case _:
                self._make(planned, previous)

    def _let_go(self, planned: int) -> int | None:
        """Hold an occurrence no more; return the planned instant before it."""
        previous = self.held_previous
        self.held = self.held_previous = None
        if previous is None:  # an older release held it
            return before(in_course(self.schedule, planned)[0], planned)
        return previous

    def _make(self, planned: int, previous: int | None) -> None:
        self._made += 1
        self.occurrences.append(make(self.schedule, planned, previous))

    def _skip(self, planned: int, previous: int | None, why: str) -> None:
        self.occurrences.append(
            Occurrence(planned=planned, previous=previous, kind="skipped", why=why)
        )

    def _supersede(self) -> None:
        """Give up what this same step has made: a later one would cancel it immediately."""
        self.occurrences = [
            replace(one, kind="skipped", why="a later one took its place", job=None)
            if one.job is not None
            else one
            for one in self.occurrences
        ]


def make(
    schedule: Schedule, planned: int, previous: int | None, *, backfilled: bool = False
) -> Occurrence:
    """Build one occurrence with its job and its deadlines."""
    start, finish = schedule.start_within, schedule.finish_within
    return Occurrence(
        planned=planned,
        previous=previous,
        job=job_of(schedule, planned, previous, backfilled=backfilled),
        backfilled=backfilled,
        start_by=None if start is None or backfilled else planned + start,
        finish_by=None if finish is None or backfilled else planned + finish,
    )


def before(schedule: Schedule, planned: int) -> int | None:
    """Return the planned instant before another, None for the first."""
    return planned_before_or_at(schedule, planned - 1)


def _missed(planned: int) -> Occurrence:
    return Occurrence(planned=planned, kind="missed", why="no worker enqueued it in time")
