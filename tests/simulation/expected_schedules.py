"""What the auditor knows of each schedule, and what must become of it at each look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from dutiful.contract.roles.schedule_store import KEPT_MAX
from dutiful.core.job import Job
from dutiful.core.occurrence import Advance, Deadline, Kind, Occurrence, Recorded, Standing
from dutiful.core.retirement import Missed
from dutiful.core.schedule import Schedule, read
from dutiful.core.state import State

from .timetable import beat, following, instants

COUNTED_MAX = 2_001
DEADLINES: tuple[Deadline, ...] = ("start", "finish")
NOTED_MAX = 10
"""How many misfires are recorded one by one."""


@dataclass
class ExpectedOccurrence:
    """One occurrence that was recorded, and what was noted of its job."""

    what: Occurrence
    number: int
    recorded_at: int
    started: int | None = None
    ended: tuple[State, int | None] | None = None
    reported: set[str] = field(default_factory=set)

    @property
    def job_id(self) -> str | None:
        return None if self.what.job is None else self.what.job.id

    @property
    def open(self) -> bool:
        """Whether a review still looks at it."""
        return self.what.job is not None and self.ended is None

    def late(self, job: Job, now: int) -> set[str]:
        """Name the deadlines that its job has missed and that nobody was told of."""
        one, found = self.what, set[str]()
        started = self.started or job.started_at or job.finished_at or now
        if one.start_by is not None and started > one.start_by:
            found.add("start")
        if one.finish_by is not None and (job.finished_at or now) > one.finish_by:
            found.add("finish")
        return found - self.reported

    def recorded(self, name: str, job: Job | None) -> Recorded:
        """Say what the store must answer of it."""
        state, finished, started = None, None, self.started
        if self.ended is not None:
            state, finished = self.ended
        elif job is not None:
            state, finished, started = job.state, job.finished_at, started or job.started_at
        return Recorded(
            schedule=name,
            planned=self.what.planned,
            previous=self.what.previous,
            number=self.number,
            kind=self.what.kind,
            why=self.what.why,
            job_id=self.job_id,
            recorded_at=self.recorded_at,
            backfilled=self.what.backfilled,
            start_by=self.what.start_by,
            finish_by=self.what.finish_by,
            started_at=started,
            finished_at=finished,
            state=state,
            reported=tuple(what for what in DEADLINES if what in self.reported),
        )


@dataclass
class ExpectedSchedule:
    """Where one schedule must stand."""

    schedule: Schedule
    since: int
    next: int | None
    version: int
    born: int
    number: int = 0
    last: int | None = None
    held: int | None = None
    held_previous: int | None = None
    paused: bool = False
    retired: bool = False
    former: list[tuple[Schedule, int]] = field(default_factory=list)
    """By what it went before, as long as something of that time is due; the newest first."""
    history: dict[int, ExpectedOccurrence] = field(default_factory=dict)

    def changed(self, schedule: Schedule, now: int) -> None:
        """Go by another spec, and with what is due already by the one before."""
        due = self.next is not None and self.next <= now and not self.retired
        kept = self.former if due and self.former and (self.next or 0) <= self.former[0][1] else []
        if due and _times(self.schedule) != _times(schedule):
            kept = [(self.schedule, now), *kept]
        self.version, self.schedule, self.former = self.version + 1, schedule, kept
        if self.retired:
            self.retired, self.since = False, now
        if not due:
            # Nothing may be made behind the last one, though the clock is set back.
            self.next = following(schedule, now if self.last is None else max(now, self.last))

    def ruling(self, planned: int) -> tuple[Schedule, int | None]:
        """Return the spec by which an instant goes, and until when it held."""
        found, until = self.schedule, None
        for schedule, end in self.former:
            if planned > end:
                break
            found, until = schedule, end
        return found, until

    def following(self, planned: int) -> int | None:
        """Return the instant after another, whichever spec it goes by."""
        while True:
            schedule, until = self.ruling(planned + 1)
            found = following(schedule, planned)
            if until is None or (found is not None and found <= until):
                return found
            planned = until

    def due(self, now: int) -> list[tuple[Schedule, list[int]]]:
        """Walk what is due, for each spec by which some of it goes, oldest first."""
        parts, first = list[tuple[Schedule, list[int]]](), self.next
        while first is not None and first <= now:
            schedule, until = self.ruling(first)
            end = now if until is None else min(now, until)
            parts.append((schedule, [first, *instants(schedule, first, end)]))
            first = None if until is None else self.following(parts[-1][1][-1])
        return parts

    def retire(self, now: int) -> Missed | None:
        """Stop, for the app does not declare it any more; what is due or held is missed."""
        parts = [at for _, at in self.due(now)]
        noted = [at for part in parts for at in (part[:1] + part[1:][1 - NOTED_MAX :])]
        missed = sum(map(len, parts)) + (self.held is not None)
        noted = ([] if self.held is None else [self.held]) + noted[-NOTED_MAX:]
        for at in noted:
            if at not in self.history:
                self.number += 1
                what = Occurrence(planned=at, kind="missed", why="its schedule was retired")
                self.history[at] = ExpectedOccurrence(what, self.number, now)
        if parts:
            self.last = max(self.last or 0, *(part[-1] for part in parts), parts[-1][-1])
        self.version += 1
        self.retired, self.next = True, None
        self.held = self.held_previous = None
        return Missed(self.schedule.name, max(noted), missed) if noted else None

    def forget(self) -> None:
        """Keep what a store keeps."""
        for planned, entry in list(self.history.items()):
            if entry.number <= self.number - KEPT_MAX and not entry.open:
                del self.history[planned]

    def opened(self) -> list[ExpectedOccurrence]:
        """Return the occurrences of which something may be noted, oldest first."""
        return [entry for _, entry in sorted(self.history.items()) if entry.open]

    def odd(self, found: Standing) -> str | None:
        """Say how a store's schedule differs from this."""
        pairs = {
            "version": (self.version, found.version),
            "number": (self.number, found.number),
            "last": (self.last, found.last),
            "next": (self.next, found.next),
            "held": (self.held, found.held),
            "held_previous": (self.held_previous, found.held_previous),
            "since": (self.since, found.since),
            "paused": (self.paused, found.paused_at is not None),
            "retired": (self.retired, found.retired_at is not None),
            "app": (self.schedule.app, found.app),
            "broken": (None, found.broken),
            "born": (self.born, read(found.spec).born),
            "spec": (self.schedule, replace(read(found.spec), former=None, born=None)),
        }
        wrong = [
            f"{name} {is_}, must be {must}" for name, (must, is_) in pairs.items() if must != is_
        ]
        return f"{found.name} has {'; '.join(wrong)}" if wrong else None


@dataclass
class Forecast:
    """What a schedule makes of the instants that are due."""

    last: int | None
    next: int | None
    held: int | None
    previous: dict[int, int]
    """What was planned before each; before the first of all, what its rule would have planned."""
    kinds: dict[int, Kind] = field(default_factory=dict)
    """Of those that are made or skipped."""
    lost: list[int] = field(default_factory=list)
    """Misfires that are not made up for."""
    noted: int = 0
    """How many of these are recorded one by one."""
    cancel: tuple[str, ...] = ()

    def odd(self, move: Advance) -> str | None:
        """Say how a move differs from this."""
        kinds = {one.planned: one.kind for one in move.occurrences if one.kind != "missed"}
        missed = {one.planned for one in move.occurrences if one.kind == "missed"}
        before = {one.planned: one.previous for one in move.occurrences if one.kind != "missed"}
        if move.held is not None:
            before[move.held] = move.held_previous
        pairs = {
            "last": (self.last, move.last),
            "next": (self.next, move.next),
            "held": (self.held, move.held),
            "previous": ({at: self.previous.get(at) for at in before}, before),
            "occurrences": (self.kinds, kinds),
            "cancel": (set(self.cancel), set(move.cancel)),
            "missed": (min(len(self.lost), COUNTED_MAX), min(move.missed, COUNTED_MAX)),
            "missed_last": (self.lost[-1] if self.lost else None, move.missed_last),
            "noted": (self.noted, len(missed & set(self.lost))),
            "broken": (None, move.broken),
        }
        wrong = [
            f"{name} {is_}, must be {must}" for name, (must, is_) in pairs.items() if must != is_
        ]
        return f"{move.name} moves to {'; '.join(wrong)}" if wrong else None


def forecast(expected: ExpectedSchedule, now: int, live: Sequence[str]) -> Forecast:
    """Say what a schedule has to make at a moment, instant by instant."""
    reported = Forecast(expected.last, expected.next, expected.held, {})
    if expected.held is not None and expected.held_previous is not None:
        reported.previous[expected.held] = expected.held_previous
    making = list[int]()
    parts = list[tuple[Schedule, list[int], list[int], list[int]]]()
    for schedule, due in expected.due(now):
        # Who was resumed in the future was, before the clock was set back.
        fresh = max(now - schedule.late_after, expected.since if expected.since <= now else 0)
        late = [at for at in due if at < fresh]
        timely = due[len(late) :]
        made_up = _made_up(schedule, late, now, timely=bool(timely))
        parts.append((schedule, late, made_up, timely))
        last = due[0] - beat(schedule)[0] if reported.last is None else reported.last
        reported.previous |= dict(zip(due, [last, *due], strict=False))
        reported.last, reported.next = due[-1], expected.following(due[-1])
    for place, (schedule, late, made_up, timely) in enumerate(parts):
        later = any(more or fresh for _, _, more, fresh in parts[place + 1 :])
        made_up = [] if later and schedule.misfire == "once" else made_up
        lost = [at for at in late if at not in made_up]
        reported.noted += min(len(lost), NOTED_MAX)
        reported.lost += lost
        making += [*made_up, *timely]
    _overlap(reported, expected.schedule, making, list(live))
    return reported


def _times(schedule: Schedule) -> tuple[object, ...]:
    late = (schedule.misfire, schedule.misfire_max, schedule.misfire_window, schedule.late_after)
    return (schedule.rule, schedule.bounds, *late)


def _made_up(schedule: Schedule, late: list[int], now: int, *, timely: bool) -> list[int]:
    window = schedule.misfire_window
    young = [at for at in late if window is None or at >= now - window]
    match schedule.misfire:
        case "skip":
            return []
        case "once":
            return [] if timely else young[-1:]
        case "all":
            return young[-schedule.misfire_max :]


def _overlap(reported: Forecast, schedule: Schedule, making: list[int], live: list[str]) -> None:
    busy = bool(live)
    if reported.held is not None and not busy:
        reported.kinds[reported.held], reported.held, busy = "enqueued", None, True
    for at in making:
        rule = schedule.overlap if busy else "allow"
        if rule == "skip":
            reported.kinds[at] = "skipped"
        elif rule == "queue-one":
            if reported.held is not None:
                reported.kinds[reported.held] = "skipped"
            reported.held = at
        else:
            if rule == "cancel-running":
                reported.cancel = tuple(live)
                reported.kinds = dict.fromkeys(reported.kinds, "skipped")
            reported.kinds[at], busy = "enqueued", True


def capped(missed: Iterable[Missed | None]) -> set[Missed]:
    """Return what was missed, counted no further than it may be."""
    return {replace(one, count=min(one.count, COUNTED_MAX)) for one in missed if one is not None}
