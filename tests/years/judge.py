"""The judge: says again, in plain lists, what each turn of a scheduler must have made.

It shares no line with `core.advance` and `core.declaration_version`. For each schedule it keeps up
to which instant everything is accounted for; whatever the rule in force names after that must be
made, held, skipped or counted as missed at the first turn that comes by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from dutiful.core.occurrence import Advance
from dutiful.core.schedule import Schedule, written

from .almanac import DAY, local, named, odd

KEPT = 60 * DAY
"""For how long the instants that were made are remembered one by one."""


class Fault(AssertionError):
    """A promise was broken."""


@dataclass
class Course:
    """What the judge knows of one schedule."""

    schedule: Schedule
    upto: int
    """All that was planned up to here is accounted for."""
    since: int
    turn: int
    """The last turn before it had something new to expect."""
    former: list[tuple[Schedule, int]] = field(default_factory=list[tuple[Schedule, int]])
    """Older rules and until when each was in force, as far as they are not settled."""
    held: int | None = None
    held_turn: int = 0
    paused: bool = False
    retired: bool = False
    done: set[int] = field(default_factory=set[int])
    """Recorded instants of the last `KEPT`."""
    forgotten: int = 0
    """Nothing up to here may be made again; the instants themselves are forgotten."""

    def owed(self, now: int) -> list[tuple[Schedule, list[int]]]:
        """List what is due and not accounted for, by the rule that planned it."""
        found, upto = list[tuple[Schedule, list[int]]](), self.upto
        for schedule, until in [*self.former, (self.schedule, now)]:
            if due := named(schedule, upto + 1, min(until, now)):
                found.append((schedule, due))
            upto = max(upto, until)
        return found

    def settle(self, now: int) -> None:
        """Account for all that is due."""
        due = [at for _, found in self.owed(now) for at in found]
        self.upto = max([self.upto, *due, *[until for _, until in self.former if until <= now]])
        self.former = [(schedule, until) for schedule, until in self.former if until > now]

    def change(self, schedule: Schedule, now: int) -> None:
        """Go by another rule from now on."""
        if self.owed(now):
            if _times(self.schedule) != _times(schedule):
                self.former.append((self.schedule, now))
        else:
            self.former, self.upto = [], max(self.upto, now)
        self.schedule = schedule


class Judge:
    """Watches every write to the schedules of a store."""

    def __init__(self) -> None:
        self.courses: dict[str, Course] = {}
        self.apps: dict[str, str] = {}
        """Which declaration version of each app must be the one that writes."""
        self.in_force: dict[str, str] = {}
        self.declaration_versions: dict[str, dict[str, Schedule]] = {}
        self.counts = Counter[str]()
        self.turn = 0
        self.turned_at = 0
        """The store's clock at the last turn."""

    def turned(self, now: int) -> None:
        """A scheduler has come by: all that was due at ``now`` is settled."""
        self.turn += 1
        self.turned_at = now

    def stepped(self, now: int) -> None:
        """The store's clock was set."""
        self.turned_at = min(self.turned_at, now)

    def declared(self, app: str, declaration_version: str, names: Iterable[str], now: int) -> None:
        """A declaration version has written its schedules, and said which of them changed or
        went."""
        if self.apps[app] != declaration_version:
            raise Fault(f"edition {declaration_version} of {app} wrote, and {self.apps[app]} rules")
        self.in_force[app] = declaration_version
        wanted = self.declaration_versions[declaration_version]
        expected = {one.name for one in wanted.values() if self._declare(one, now)}
        for name, course in self.courses.items():
            gone = course.schedule.app == app and name not in wanted and not course.retired
            if gone:
                self.prompt(course)
                course.retired, course.held, course.former = True, None, []
                expected.add(name)
        if expected != set(names):
            raise Fault(f"{app} changed {sorted(names)}, and not {sorted(expected)}")

    def _declare(self, schedule: Schedule, now: int) -> bool:
        course = self.courses.get(schedule.name)
        if course is None:
            self.courses[schedule.name] = Course(schedule, upto=now, since=now, turn=self.turn)
            return True
        if written(course.schedule) == written(schedule) and not course.retired:
            return False
        if course.retired:
            course.upto = course.since = now
            course.retired = False
        else:
            self.prompt(course)
        course.change(schedule, now)
        course.turn = self.turn
        return True

    def switched(self, name: str, how: str, now: int) -> None:
        """A person has paused or resumed a schedule."""
        course = self.courses[name]
        if how == "pause":
            self.prompt(course)
        else:
            course.since, course.turn, course.held_turn = now, self.turn, self.turn
        course.paused = how == "pause"

    def moved(self, move: Advance, made: frozenset[str], now: int) -> None:
        """A scheduler has written a move."""
        course = self.courses[move.name]
        if course.paused or course.retired:
            raise Fault(f"{move.name} was made while paused or retired")
        self.prompt(course)
        owed = course.owed(now)
        if move.broken is not None:
            raise Fault(f"{move.name} is broken: {move.broken}")
        if not owed and course.held is None:
            raise Fault(f"{move.name} moved at {now}, and nothing was due")
        chosen = _chosen(course, owed, now)
        missed = [at for _, due in owed for at in due if at not in chosen]
        expected, skipped = _without_overlap(course, chosen)
        recorded = [one for one in move.occurrences if one.job is not None]
        if [one.planned for one in recorded] != expected or move.missed != len(missed):
            raise Fault(
                f"{move.name} at {now}: made {[one.planned for one in recorded]} and missed "
                f"{move.missed}, and not {expected} and {len(missed)}: {course.schedule}"
            )
        reported = [one.planned for one in move.occurrences if one.kind == "skipped"]
        if reported != skipped or move.held != course.held:
            raise Fault(
                f"{move.name} at {now}: skipped {reported}, held {move.held}, not {skipped}"
            )
        ids = {one.planned: one.job.id for one in recorded if one.job is not None}
        for at in expected:
            if ids[at] in made:
                self._make(course, at)
            elif at not in course.done:
                raise Fault(f"{move.name}: {at} was to be made and has no job")
        course.done.update(one.planned for one in move.occurrences)
        course.held_turn = self.turn
        course.settle(now)
        self.counts["missed"] += len(missed)
        self.counts["skipped"] += len(skipped)
        self._forget(course)

    def prompt(self, course: Course) -> None:
        """Raise unless all that was due at the last turn was settled then."""
        if course.paused or course.retired or course.turn >= self.turn:
            return
        if late := course.owed(self.turned_at):
            name, zone, due = course.schedule.name, course.schedule.bounds.zone, late[0][1]
            raise Fault(f"{name}: nothing was made of {due}, due from {local(zone, due[0])}")
        if course.held is not None and course.held_turn + 1 < self.turn:
            raise Fault(f"{course.schedule.name}: {course.held} is held for nothing")

    def close(self) -> None:
        """Look for what was never settled."""
        for course in self.courses.values():
            self.prompt(course)

    def _make(self, course: Course, at: int) -> None:
        if at in course.done or at <= course.forgotten:
            raise Fault(f"{course.schedule.name}: {at} was made twice")
        self.counts["made"] += 1
        self.counts["odd"] += at in odd

    def _forget(self, course: Course) -> None:
        if len(course.done) > 2000 or course.forgotten + 2 * KEPT < course.upto:
            course.forgotten = max(course.forgotten, course.upto - KEPT)
            course.done = {at for at in course.done if at > course.forgotten}


def _chosen(course: Course, owed: list[tuple[Schedule, list[int]]], now: int) -> list[int]:
    """Pick what is to run of what is due: the timely, and what misfire rules make up for."""
    found = list[int]()
    for schedule, due in reversed(owed):
        found = _picked(schedule, due, course.since, now, made_up=bool(found)) + found
    return found


def _picked(
    schedule: Schedule, due: list[int], since: int, now: int, *, made_up: bool
) -> list[int]:
    """Pick what is to run of one rule; a later one may have made up for all."""
    timely = [at for at in due if at >= since and now - at <= schedule.late_after]
    late = [at for at in due if at not in timely]
    window = schedule.misfire_window
    young = [at for at in late if window is None or now - at <= window]
    match schedule.misfire:
        case "skip":
            return timely
        case "once":
            return timely or ([] if made_up else young[-1:])
        case _:
            return young[-schedule.misfire_max :] + timely


def _times(schedule: Schedule) -> tuple[object, ...]:
    """Say when a schedule fires, and what becomes of the late."""
    misfire = (schedule.misfire, schedule.misfire_max, schedule.misfire_window)
    return (schedule.rule, schedule.bounds, *misfire, schedule.late_after)


def _without_overlap(course: Course, chosen: list[int]) -> tuple[list[int], list[int]]:
    """Say what of it is made and what is skipped, where jobs end at once; the rest is held."""
    overlap = course.schedule.overlap
    waiting = ([] if course.held is None else [course.held]) + chosen
    course.held = None
    if overlap == "allow" or len(waiting) < 2:
        return waiting, []
    if overlap == "queue-one":
        course.held = waiting[-1]
        return waiting[:1], waiting[1:-1]
    return waiting[:1], waiting[1:]
