"""Judges schedules: each occurrence once, none forgotten, none from a version that is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dutiful.contract.scheduling import Advanced, Declared
from dutiful.core.deadline import Overdue
from dutiful.core.edition import ALIVE
from dutiful.core.instant import SECOND
from dutiful.core.job import Job
from dutiful.core.occurrence import Advance
from dutiful.core.rule import Interval
from dutiful.core.schedule import Schedule
from dutiful.core.state import State

from .bodies import Bodies
from .ledger import Record
from .loop import Node
from .timetable import EXCLUSIVE, due

Rows = dict[str, tuple[Job | None, Job]]
CRON_PERIOD = 5_000_000


@dataclass
class Course:
    """What is known of one schedule."""

    version: int
    period: int
    since: int
    """From here on every instant has to be accounted for; 0 until the next is known anew."""
    last: int | None = None
    held: int | None = None
    paused: bool = False
    retired: bool = False
    made: set[int] = field(default_factory=set)


class CalendarAuditor(Bodies):
    """Sees every operation on schedules."""

    _now: int

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self.courses: dict[str, Course] = {}
        self._shown: dict[str, float] = {}
        """When each edition was last shown, in the order in which they appeared."""
        self._told: set[tuple[str, int, str]] = set()

    def _declare(self, node: Node, args: Any, answer: Declared, changed: Rows) -> None:
        edition: str = args[1]
        given: Sequence[Schedule] = args[2] or ()
        newer = self._newer(edition)
        # A leap of the store's clock makes an edition look gone, and then it may come back.
        if newer and not self.stepped and (answer.rules or answer.changed or answer.retired):
            self.fail(f"edition {edition} changed {answer}, though {newer} is there")
        if args[2] is None and (answer.changed or answer.retired):
            self.fail(f"an edition that was only shown changed {answer}")
        rules = {schedule.name: schedule for schedule in given}
        for name in answer.changed:
            self._changed(rules[name])
        for name in answer.retired:
            course = self.courses[name]
            course.version, course.retired, course.held = course.version + 1, True, None
        self.note(node, f"declares {edition}: {answer.changed} changed, {answer.retired} retired")

    def _newer(self, edition: str) -> list[str]:
        """Show an edition, and name those that appeared after it and are surely still there."""
        now, alive = self.loop.time(), ALIVE / SECOND
        if now - self._shown.get(edition, -alive) >= alive:
            self._shown.pop(edition, None)
            self._shown = {**self._shown, edition: now}  # behind all others
        else:
            self._shown[edition] = now
        order = list(self._shown)
        after = order[order.index(edition) + 1 :]
        return [other for other in after if now - self._shown[other] < alive - 1]

    def _changed(self, schedule: Schedule) -> None:
        rule = schedule.rule
        period = rule.period if isinstance(rule, Interval) else CRON_PERIOD
        course = self.courses.get(schedule.name)
        if course is None:
            self.courses[schedule.name] = Course(1, period, self._now)
            return
        course.version, course.period, course.since = course.version + 1, period, 0
        course.retired = False

    def _due(self, node: Node, args: Any, answer: Any, changed: Rows) -> None:
        for one in answer.due:
            course = self.courses[one.standing.name]
            if course.paused or course.retired:
                self.fail(f"{one.standing.name} was due while paused or retired")

    def _advance(self, node: Node, args: Any, answer: Advanced, changed: Rows) -> None:
        moves: Sequence[Advance] = args[0]
        for move in moves:
            course = self.courses.get(move.name)
            fits = course is not None and course.version == move.version and not course.retired
            fits = fits and (move.by_hand or (course is not None and not course.paused))
            if (move.name in answer.accepted) != fits:
                self.fail(f"a move of {move.name} at {move.version} was taken: {not fits}")
            if course is not None and fits:
                self._moved(move, course, answer, changed)
        for job_id in answer.cancelled:
            _, new = changed.pop(job_id, (None, self.rows[job_id]))
            if new.state is not State.CANCELLED and not new.cancel_requested:
                self.fail(f"{job_id} was cancelled, and is {new.state.word}")
        self.note(node, f"advances {answer.accepted}, made {len(answer.made)}")

    def _moved(self, move: Advance, course: Course, answer: Advanced, changed: Rows) -> None:
        before, course.version = course.last, course.version + 1
        handled = self._made(move, course, answer, changed)
        if course.held is not None and move.held != course.held and course.held not in handled:
            self.fail(f"{move.name} forgot {course.held}, which it had held")
        if move.by_hand:
            return
        if before is not None and (move.last is None or move.last < before):
            self.fail(f"{move.name} went back from {before} to {move.last}")
        if move.next is not None and move.last is not None and move.next <= move.last:
            self.fail(f"{move.name} comes next at {move.next}, behind {move.last}")
        self._accounted(move, course, handled)
        course.last, course.held = move.last, move.held

    def _made(self, move: Advance, course: Course, answer: Advanced, changed: Rows) -> set[int]:
        """Look at each occurrence of a move, and return the instants that it dealt with."""
        handled = set[int]()
        for one in move.occurrences:
            # The store's clock may be set back between the look and the write.
            if one.planned > self._now and not self.stepped:
                self.fail(f"{move.name} made {one.planned}, which is to come")
            if one.job is None:
                handled.add(one.planned)
                continue
            if one.job.id not in answer.made:
                self.fail(f"{move.name} made {one.planned} a second time")
            if one.planned in course.made:
                self.fail(f"{move.name} has two jobs for {one.planned}")
            course.made.add(one.planned)
            handled.add(one.planned)
            old, _ = changed.pop(one.job.id, (None, None))
            if old is not None or one.job.id not in self.rows:
                self.fail(f"the job of {move.name} at {one.planned} was not stored")
            self._alone(move.name, one.job.id)
            self.records[one.job.id] = Record(one.job, asked=True)
        return handled

    def _accounted(self, move: Advance, course: Course, handled: set[int]) -> None:
        """Demand that every instant since the last move was made, skipped, held or counted."""
        if move.last is None or move.last == course.last:
            return
        start = max(course.last or 0, course.since)
        if course.since:
            known = handled | ({move.held} if move.held is not None else set())
            instants = due(move.name, start, move.last, course.period)
            forgotten = [at for at in instants if at not in known]
            recorded = sum(one.kind == "missed" for one in move.occurrences)
            if len(forgotten) != move.missed - recorded:
                self.fail(f"{move.name} forgot {forgotten}, {move.missed} counted as missed")
            if odd := handled - set(instants) - {course.held}:
                self.fail(f"{move.name} fired off its beat: {odd}")
        course.since = move.last

    def _alone(self, name: str, job_id: str) -> None:
        """Demand that a schedule that excludes overlap has no other job that lives."""
        if name not in EXCLUSIVE:
            return
        others = [
            job.id
            for job in self.rows.values()
            if job.meta.get("schedule") == name
            and job.id != job_id
            and not job.state.final
            and not self.records[job.id].redriven
            and "by_hand" not in job.meta
        ]
        if others:
            self.fail(f"{name} made {job_id} while {others} lives")

    def _review(self, node: Node, args: Any, answer: Sequence[Overdue], changed: Rows) -> None:
        for one in answer:
            key = (one.occurrence.schedule, one.occurrence.planned, one.what)
            if key in self._told:
                self.fail(f"{key} was told twice")
            self._told.add(key)

    def _switch(self, node: Node, args: Any, answer: Sequence[str], changed: Rows) -> None:
        names, how = args
        for name in answer:
            course = self.courses[name]
            if (how == "pause") == course.paused:
                self.fail(f"{name} was told to {how}, and had been")
            course.version, course.paused = course.version + 1, how == "pause"
        self.note(node, f"{how} {names}: {answer}")
