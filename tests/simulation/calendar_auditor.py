"""Judges schedules: each occurrence once, none forgotten, none from a version that is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.contract.roles.schedule_store import Advanced, Declared, Deleted, DueBatch
from dutiful.core.job import Job
from dutiful.core.occurrence import Advance, Occurrence, Recorded, Standing
from dutiful.core.overdue import Overdue
from dutiful.core.schedule import Schedule, occurrence_id
from dutiful.core.state import State

from .bodies import Bodies
from .declaration_versions import Editions
from .expected_schedules import ExpectedOccurrence, ExpectedSchedule, capped, forecast
from .ledger import Record
from .loop import Node
from .timetable import following, instants

Rows = dict[str, tuple[Job | None, Job]]
ALL = 1000
"""A limit that nothing in a world reaches."""


class CalendarAuditor(Bodies):
    """Sees every operation on schedules."""

    _now: int

    def __init__(self, loop: Any) -> None:
        super().__init__(loop)
        self.expected_schedules: dict[str, ExpectedSchedule] = {}
        self.declaration_versions = Editions()
        self.made: dict[tuple[str, int, int], str] = {}
        """The job of each occurrence, also of schedules that were deleted since."""
        self._batches: dict[Node, DueBatch] = {}
        """What each process was last told to be due."""
        self._grounds: dict[int, tuple[Any, DueBatch | None]] = {}
        """On which of these each move was decided that is under way."""

    def clock_steps(self) -> None:
        """Hear that the store's clock is set."""
        self.stepped = True
        self.declaration_versions.stepped_at = self.loop.time()

    def sent(self, node: Node, op: str, args: tuple[Any, ...]) -> None:
        """Hear of a call when it is made."""
        if op == "advance":
            self._grounds[id(args)] = (args, self._batches.get(node))

    def answered(self, node: Node, op: str, args: tuple[Any, ...], result: Any) -> None:
        super().answered(node, op, args, result)
        if op == "due" and args[0]:
            self._batches[node] = result

    def _declare(self, node: Node, args: Any, answer: Declared, changed: Rows) -> None:
        app, declaration_version, given = args
        complaint = self.declaration_versions.shown(
            declaration_version, answer, given is not None, self.loop.time(), self._now
        )
        if complaint is not None:
            self.fail(complaint)
        rules: dict[str, Schedule] = {one.name: one for one in given or () if answer.rules}
        news = {name for name, one in rules.items() if self._is_news(one)}
        dropped = {
            name
            for name, expected in self.expected_schedules.items()
            if rules and expected.schedule.app == app and name not in rules and not expected.retired
        }
        if set(answer.changed) != news or set(answer.retired) != dropped:
            self.fail(f"{declaration_version} changed {answer}, must be {news} and {dropped}")
        for name in answer.changed:
            self._bring(rules[name])
        ended = [self.expected_schedules[name].retire(self._now) for name in answer.retired]
        if capped(ended) != capped(answer.missed):
            self.fail(f"{answer.missed} is said to be missed, must be {ended}")
        self.note(
            node,
            f"declares {declaration_version}: {answer.changed} changed, {answer.retired} retired",
        )

    def _is_news(self, schedule: Schedule) -> bool:
        expected = self.expected_schedules.get(schedule.name)
        return expected is None or expected.retired or expected.schedule != schedule

    def _bring(self, schedule: Schedule) -> None:
        expected, now = self.expected_schedules.get(schedule.name), self._now
        if expected is None:
            self.expected_schedules[schedule.name] = ExpectedSchedule(
                schedule, now, following(schedule, now), now, now
            )
        else:
            expected.changed(schedule, now)

    def _put_schedule(self, node: Node, args: Any, answer: bool, changed: Rows) -> None:
        schedule, replace, _ = args
        taken = schedule.name in self.expected_schedules
        if answer != (replace or not taken):
            self.fail(f"{schedule.name} was put: {answer}, taken: {taken}, replace: {replace}")
        if answer and self._is_news(schedule):
            self._bring(schedule)
        self.note(node, f"puts {schedule.name}: {answer}")

    def _standings(self, node: Node, args: Any, answer: Sequence[Standing], changed: Rows) -> None:
        names, limit, after = args
        known = sorted(self.expected_schedules)
        if names is None:
            must = [name for name in known if name > after][:limit]
        else:
            must = [name for name in known if name in names]
        if sorted(one.name for one in answer) != must:
            self.fail(f"{[one.name for one in answer]} are there, must be {must}")
        for one in answer:
            self._stands(one)

    def _stands(self, found: Standing) -> None:
        if (odd := self.expected_schedules[found.name].odd(found)) is not None:
            self.fail(odd)

    def _due(self, node: Node, args: Any, answer: DueBatch, changed: Rows) -> None:
        now, active = answer.now, {}
        for name, expected in self.expected_schedules.items():
            if not (expected.paused or expected.retired):
                active[name] = expected
        to_come = [one.next - now for one in active.values() if one.next and one.next > now]
        if now != self._now or answer.next_in != min(to_come, default=None):
            self.fail(f"due at {now}, which is {self._now}, and next in {answer.next_in}")
        must = {
            name
            for name, one in active.items()
            if one.held is not None or (one.next is not None and one.next <= now)
        }
        found = {one.standing.name for one in answer.due}
        if found - must or (len(found) < args[0] and found != must):
            self.fail(f"{found} are due, must be {must}")
        for one in answer.due:
            self._stands(one.standing)
            if list(one.live) != self._live(active[one.standing.name]):
                self.fail(f"{one.live} of {one.standing.name} are said to live")

    def _live(self, expected: ExpectedSchedule) -> list[str]:
        if expected.schedule.overlap == "allow":
            return []
        ids = [entry.job_id or "" for entry in expected.opened()]
        return [job_id for job_id in ids if not self.rows[job_id].state.final]

    def _advance(self, node: Node, args: Any, answer: Advanced, changed: Rows) -> None:
        moves: Sequence[Advance] = args[0]
        _, batch = self._grounds.pop(id(args), (None, None))
        for move in moves:
            expected = self.expected_schedules.get(move.name)
            fits = (
                expected is not None and expected.version == move.version and not expected.retired
            )
            fits = fits and (move.by_hand or (expected is not None and not expected.paused))
            if (move.name in answer.accepted) != fits:
                self.fail(f"a move of {move.name} at {move.version} was taken: {not fits}")
            if expected is not None and fits:
                self._foreseen(move, expected, batch)
                self._moved(move, expected, answer, changed)
        for job_id in answer.cancelled:
            _, new = changed.pop(job_id, (None, self.rows[job_id]))
            if new.state is not State.CANCELLED and not new.cancel_requested:
                self.fail(f"{job_id} was cancelled, and is {new.state.word}")
        self.note(node, f"advances {answer.accepted}, made {len(answer.made)}")

    def _foreseen(self, move: Advance, expected: ExpectedSchedule, batch: DueBatch | None) -> None:
        """Demand that a move is what the schedule's rules make of what was due."""
        if move.by_hand:
            stays = (expected.last, expected.next, expected.held, expected.held_previous)
            if (move.last, move.next, move.held, move.held_previous) != stays:
                self.fail(f"{move.name} was moved by hand from its course")
            for one in move.occurrences:
                off = one.planned not in instants(expected.schedule, one.planned - 1, one.planned)
                if one.backfilled and off:
                    self.fail(f"{move.name} was backfilled at {one.planned}, off its beat")
            return
        assert batch is not None
        due = next(one for one in batch.due if one.standing.name == move.name)
        if (odd := forecast(expected, batch.now, due.live).odd(move)) is not None:
            self.fail(odd)

    def _moved(
        self, move: Advance, expected: ExpectedSchedule, answer: Advanced, changed: Rows
    ) -> None:
        for one in sorted(move.occurrences, key=lambda one: one.planned):
            # The store's clock may be set back between the look and the write.
            if one.planned > self._now and not self.stepped:
                self.fail(f"{move.name} made {one.planned}, which is to come")
            known = one.planned in expected.history
            if one.job is not None:
                self._made(move, one, expected, known, answer, changed)
            if not known:
                expected.number += 1
                expected.history[one.planned] = ExpectedOccurrence(one, expected.number, self._now)
        expected.version += 1
        expected.last, expected.next = move.last, move.next
        expected.held, expected.held_previous = move.held, move.held_previous
        expected.forget()

    def _made(
        self,
        move: Advance,
        one: Occurrence,
        expected: ExpectedSchedule,
        known: bool,
        answer: Advanced,
        changed: Rows,
    ) -> None:
        """Demand that an occurrence has one job, whoever made it and however often."""
        assert one.job is not None
        key = (move.name, one.planned, expected.born)
        job_id, schedule = one.job.id, expected.schedule
        if job_id != occurrence_id(*key):
            self.fail(f"the job of {key} is called {job_id}")
        new = not known and key not in self.made
        if (job_id in answer.made) != new:
            self.fail(f"{key} was made: {not new}, its job was {self.made.get(key)}")
        if not new:
            return
        old, row = changed.pop(job_id, (None, None))
        if old is not None or row is None:
            self.fail(f"the job of {key} was not stored")
            return
        must = one.job if move.by_hand else schedule  # it may have changed since a person asked
        if (row.task, row.queue, row.args) != (must.task, must.queue, one.job.args):
            self.fail(f"{key} was stored as {row}")
        self.made[key] = job_id
        if not move.by_hand:
            self._alone(expected, job_id)
        self.records[job_id] = Record(one.job, asked=True)

    def _alone(self, expected: ExpectedSchedule, job_id: str) -> None:
        """Demand that a schedule that excludes overlap has no other job that lives."""
        if expected.schedule.overlap not in ("skip", "queue-one"):
            return
        others = [one for one in self._live(expected) if one != job_id]
        if others := [one for one in others if not self.records[one].redriven]:
            self.fail(f"{expected.schedule.name} made {job_id} while {others} lives")

    def _review(self, node: Node, args: Any, answer: Sequence[Overdue], changed: Rows) -> None:
        reported = {(one.occurrence.schedule, one.occurrence.planned, one.what) for one in answer}
        must = set[tuple[str, int, str]]()
        for name, expected in self.expected_schedules.items():
            for entry in expected.opened():
                job = self.rows[entry.job_id or ""]
                late = entry.late(job, self._now)
                must |= {(name, entry.what.planned, what) for what in late}
                entry.reported |= late
                entry.started = entry.started or job.started_at
                if job.state.final:
                    entry.ended = (job.state, job.finished_at)
        if reported != must or len(reported) != len(answer):
            self.fail(f"{sorted(reported)} were told to be late, must be {sorted(must)}")

    def _switch(self, node: Node, args: Any, answer: Sequence[str], changed: Rows) -> None:
        names, how = args
        known = {
            name: self.expected_schedules[name] for name in names if name in self.expected_schedules
        }
        turns = {name for name, one in known.items() if one.paused != (how == "pause")}
        if set(answer) != turns:
            self.fail(f"{names} were told to {how}, and did {answer}")
        for name in answer:
            expected = known[name]
            expected.version, expected.paused = expected.version + 1, how == "pause"
            expected.since = expected.since if expected.paused else self._now
        self.note(node, f"{how} {names}: {answer}")

    def _delete_schedules(self, node: Node, args: Any, answer: Deleted, changed: Rows) -> None:
        gone = [
            self.expected_schedules.pop(name)
            for name in set(args[0])
            if name in self.expected_schedules
        ]
        left = [None if expected.retired else expected.retire(self._now) for expected in gone]
        names = {expected.schedule.name for expected in gone}
        if set(answer.names) != names or capped(answer.missed) != capped(left):
            self.fail(f"{args[0]} were deleted: {answer}, must be {names} and {left}")
        self.note(node, f"deletes {args[0]}: {answer}")

    def _occurrences(
        self, node: Node, args: Any, answer: Sequence[Recorded], changed: Rows
    ) -> None:
        name, limit, before = args
        history = self.expected_schedules[name].history if name in self.expected_schedules else {}
        planned = sorted((at for at in history if before is None or at < before), reverse=True)
        must = [
            history[at].recorded(name, self.rows.get(history[at].job_id or ""))
            for at in planned[:limit]
        ]
        for one, found in zip(must, answer, strict=False):
            if one != found:
                self.fail(f"an occurrence is not as it must be:\n  must {one}\n  is   {found}")
        if len(must) != len(answer):
            self.fail(f"{name} has {len(answer)} occurrences before {before}, not {len(must)}")

    def judge_calendar(self) -> None:
        """Demand that each job of an occurrence is the only one, and that it is known."""
        made = {job_id: key[:2] for key, job_id in self.made.items()}
        found = {
            job.id: (job.meta["schedule"], int(job.meta["planned"]))
            for job in self.rows.values()
            if "schedule" in job.meta
        }
        if found != made or len(made) != len(self.made):
            self.fail(f"the jobs of occurrences are {found}, must be {self.made}")
