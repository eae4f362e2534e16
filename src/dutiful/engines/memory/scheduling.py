"""Keeping schedules, and making each of their occurrences once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from dutiful.contract.roles.schedule_store import KEPT_MAX, Advanced, Declared, Deleted, DueBatch
from dutiful.core import declaration
from dutiful.core.advance import Switch, switched
from dutiful.core.errors import DuplicateJob
from dutiful.core.occurrence import (
    Advance,
    Due,
    GaveWay,
    Occurrence,
    Recorded,
    Standing,
)
from dutiful.core.overdue import Overdue, review
from dutiful.core.retirement import Retirement, delete
from dutiful.core.schedule import Schedule
from dutiful.core.standing import active, admits, holds, look_at, moved

from .controller import MemoryController
from .producer import MemoryProducer
from .table import StoredJob, Tables


class MemorySchedules:
    """The role `ScheduleStore`."""

    def __init__(
        self, tables: Tables, producer: MemoryProducer, controller: MemoryController
    ) -> None:
        """Share the engine's tables; moves enqueue and cancel jobs through the other roles."""
        self.tables = tables
        self._producer = producer
        self._controller = controller

    async def declare(
        self, app: str, declaration_version: str, schedules: Sequence[Schedule] | None
    ) -> Declared:
        """Write an app's declared schedules, if this declaration version rules."""
        tables = self.tables
        with tables.lock:
            now = tables.clock.now()
            declaration_versions = tables.declaration_versions.get(app, {})
            shown = declaration.show(declaration_versions.values(), declaration_version, now)
            mine, answer = shown.declaration_version, Declared(shown.rules, shown.in_force)
            if shown.rules and schedules is not None:
                plan = declaration.declare(shown, app, schedules, tables.standings, now)
                for one in plan.written:
                    self._move(one)
                for ended in plan.retired:
                    self._retire(ended)
                mine, answer = plan.declaration_version, Declared.by(plan)
            kept = {
                key: one for key, one in declaration_versions.items() if key not in shown.forgotten
            }
            tables.declaration_versions[app] = {**kept, declaration_version: mine}
            return answer

    async def put_schedule(self, schedule: Schedule, *, replace: bool, adopt: bool = False) -> bool:
        """Create a schedule, or give an existing one another spec."""
        with self.tables.lock:
            before, now = self.tables.standings.get(schedule.name), self.tables.clock.now()
            written = declaration.create(before, schedule, now, replaces=replace, adopts=adopt)
            for one in written or ():
                self._move(one)
            return written is not None

    async def standings(
        self, names: Sequence[str] | None = None, limit: int = 1000, after: str = ""
    ) -> tuple[Standing, ...]:
        """Return schedules by name."""
        with self.tables.lock:
            known = self.tables.standings
            chosen = sorted(known if names is None else set(names) & set(known))
            if names is None:
                chosen = [name for name in chosen if name > after][:limit]
            return tuple(known[name] for name in chosen)

    async def due(self, limit: int) -> DueBatch:
        """Return the schedules to advance."""
        tables = self.tables
        with tables.lock:
            now = tables.clock.now()
            going = [one for one in tables.standings.values() if active(one)]
            waiting = [(at, one) for one in going if (at := look_at(one)) is not None]
            waiting.sort(key=lambda pair: (pair[0], pair[1].name))
            ready = [one for at, one in waiting if at <= now][:limit]
            later = [at - now for at, _ in waiting if at > now]
            held = [one for one in going if holds(one, now) and one not in ready]
            held.sort(key=lambda one: (one.held, one.name))
            found = (*ready, *held[: limit - len(ready)])
            due = tuple(Due(one, self._live(one)) for one in found)
            return DueBatch(now, due, min(later, default=None))

    async def advance(self, moves: Sequence[Advance]) -> Advanced:
        """Write the moves whose schedules still have the version that was read."""
        with self.tables.lock:
            undo = self._remembered(moves)
            try:
                return self._advance(moves)
            except DuplicateJob:
                undo()
                raise

    def _remembered(self, moves: Sequence[Advance]) -> Callable[[], None]:
        """Return a function that undoes the moves, which only a rule with ``raise`` may need."""
        rules = [one.job.unique for move in moves for one in move.occurrences if one.job]
        if any(rule is not None and rule.on_conflict == "raise" for rule in rules):
            return self.tables.remember([move.name for move in moves])
        return lambda: None

    def _advance(self, moves: Sequence[Advance]) -> Advanced:
        accepted, made, cancelled = list[str](), list[str](), list[str]()
        gave_way = list[GaveWay]()
        for move in moves:
            before = self.tables.standings.get(move.name)
            if before is None or not admits(before, move):
                continue
            cancelled += self._controller.cancel_now(move.cancel)
            number = before.number
            for one in move.occurrences:
                fresh = one.job is not None and one.job.id not in self.tables.jobs
                noted = self._note(move.name, one, number + 1)
                number += noted is not None
                if isinstance(noted, GaveWay):
                    gave_way.append(noted)
                elif noted is not None and one.job is not None and fresh:
                    made.append(one.job.id)
            self._move(moved(before, move, number))
            accepted.append(move.name)
            self._forget(move.name, number - KEPT_MAX)
        return Advanced(tuple(accepted), tuple(made), tuple(cancelled), tuple(gave_way))

    async def switch(self, names: Sequence[str], how: Switch) -> tuple[str, ...]:
        """Pause or resume schedules."""
        tables = self.tables
        with tables.lock:
            turned = switched(tables.standings, names, how, tables.clock.now())
            for one in turned:
                self._move(one)
            return tuple([one.name for one in turned])

    async def delete_schedules(self, names: Sequence[str]) -> Deleted:
        """Delete schedules, and return the occurrences that are not made."""
        tables = self.tables
        with tables.lock:
            gone, missed = delete(tables.standings, names, tables.clock.now())
            for name in gone:
                del tables.standings[name]
                tables.histories.pop(name, None)
            return Deleted(gone, missed)

    async def occurrences(
        self, name: str, limit: int, before: int | None = None
    ) -> tuple[Recorded, ...]:
        """Return a schedule's recorded occurrences."""
        with self.tables.lock:
            history = self.tables.histories.get(name, {})
            planned = sorted((at for at in history if before is None or at < before), reverse=True)
            return tuple(self.fresh(history[at]) for at in planned[:limit])

    async def review(self, limit: int) -> tuple[Overdue, ...]:
        """Close occurrences whose jobs have ended, and return the newly overdue ones."""
        tables = self.tables
        with tables.lock:
            now = tables.clock.now()
            histories = [history.values() for history in tables.histories.values()]
            entries = [entry for history in histories for entry in history if entry.open]
            entries.sort(key=lambda one: (one.name, one.recorded.planned))
            seen = review(map(self.fresh, entries), now, limit)
            for entry, note in zip(entries, seen.notes, strict=True):
                entry.recorded, entry.open = note.occurrence, note.open
        return seen.overdue

    def _retire(self, ended: Retirement) -> None:
        """Record the occurrences that a retired schedule does not make, and its state."""
        name, number = ended.standing.name, ended.standing.number
        for one in ended.occurrences:
            number += self._note(name, one, number + 1) is not None
        self._move(replace(ended.standing, number=number))

    def _move(self, standing: Standing) -> None:
        self.tables.standings[standing.name] = standing

    def _note(self, name: str, one: Occurrence, number: int) -> Occurrence | GaveWay | None:
        """Record an occurrence and store its job; None when it is recorded already."""
        history = self.tables.histories.setdefault(name, {})
        if one.planned in history:
            return None
        result: Occurrence | GaveWay = one
        job_id = None if one.job is None else one.job.id
        if one.job is not None:
            (receipt,) = self._producer.enqueue_sync([one.job])
            if not receipt.created:
                result = GaveWay(name, one.planned, receipt.id, receipt.replaced)
                job_id = result.job_id
        recorded = Recorded(
            schedule=name,
            planned=one.planned,
            previous=one.previous,
            number=number,
            kind=result.kind,
            why=result.why,
            job_id=job_id,
            recorded_at=self.tables.clock.now(),
            backfilled=one.backfilled,
            start_by=one.start_by,
            finish_by=one.finish_by,
        )
        history[one.planned] = StoredJob(recorded, open=job_id is not None)
        return result

    def fresh(self, entry: StoredJob) -> Recorded:
        """Return an occurrence with the present state of its job."""
        job = self.tables.jobs.get(entry.recorded.job_id or "")
        if job is None or not entry.open:
            return entry.recorded
        started_at = entry.recorded.started_at
        return replace(
            entry.recorded,
            state=job.state,
            started_at=job.started_at if started_at is None else started_at,
            finished_at=job.finished_at,
        )

    def _live(self, standing: Standing) -> tuple[str, ...]:
        if not standing.exclusive:
            return ()
        history = self.tables.histories.get(standing.name, {})
        ids = [entry.recorded.job_id or "" for _, entry in sorted(history.items()) if entry.open]
        return tuple(job.id for job in self.tables.some(ids) if not job.state.final)

    def _forget(self, name: str, number: int) -> None:
        """Delete the occurrences up to a number, except those whose jobs are live."""
        history = self.tables.histories.get(name, {})
        for planned, entry in list(history.items()):
            if entry.recorded.number <= number and not entry.open:
                del history[planned]
