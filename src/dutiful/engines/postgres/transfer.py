"""Export and import of a store's content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from dutiful.contract.roles.transfer import (
    Dumped,
    FillResult,
    HistoryPage,
    Record,
    Refusal,
    ScheduleHistory,
    key_held,
)
from dutiful.core.fence import raised_floor
from dutiful.core.job import Job
from dutiful.core.task_log import written as written_log
from dutiful.engines._sql import records as reading
from dutiful.engines._sql import schedule_history
from dutiful.engines._sql.records import ID
from dutiful.engines._sql.rows import job_row
from dutiful.engines._sql.schedule_statements import ScheduleStatements
from dutiful.engines._sql.statement import Plan, Statement

from .connections.arrays import Array, Booleans, Bytes, Integers, Longs, Shorts, TextArray, columns
from .halving import in_halves
from .log_writing import logs_of, put_logs
from .producer import ready
from .rows import job_of
from .rows import storable as written
from .schedules.schedule_statements import PostgresScheduleStatements, guarded
from .session import Session
from .statements import Texts

T = TypeVar("T")
_KINDS = (
    *(TextArray, TextArray, TextArray, Shorts, Shorts, Bytes, Integers, Integers, Longs, Longs),
    *(Longs, Longs, Longs, Integers, Integers, TextArray, TextArray, Longs, Booleans, TextArray),
    *(Shorts, TextArray, TextArray, Bytes, Integers, Longs),
)
"""The array types of a job's columns, in the order of its fields."""


class PostgresTransfer:
    """The roles `Exporter` and `Importer`; the cursor is an id."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def dump(self, limit: int, cursor: str | None = None) -> Dumped:
        """List records, oldest first."""

        def plan(sql: Texts) -> Plan[Dumped]:
            text = sql("dump")
            if cursor is None:  # the first page may have a job whose id is empty
                text, cursor_or_first = text.replace("id >", "id >="), ""
            else:
                cursor_or_first = cursor
            rows = (yield Statement(text, (cursor_or_first, limit + 1))).rows
            page = rows[:limit]
            records = yield from _records(sql, page)
            return Dumped(tuple(records), page[-1][ID] if len(rows) > limit else None)

        return await self._look(plan)

    async def fetch(self, ids: Sequence[str]) -> tuple[Record, ...]:
        """Return the records found."""

        def plan(sql: Texts) -> Plan[tuple[Record, ...]]:
            rows = (yield Statement(sql("get"), (list(ids),))).rows
            records = yield from _records(sql, rows)
            found = {record.job.id: record for record in records}
            return tuple([found[job_id] for job_id in ids if job_id in found])

        return await self._look(plan)

    async def fill(self, records: Sequence[Record]) -> FillResult:
        """Store records as they are, in one transaction unless some of them are refused."""
        session = await ready(self.session)

        def fill(part: Sequence[Record]) -> FillResult:
            return session.pool.run(lambda: _fill(session.sql, part))

        def all_of_them() -> FillResult:
            return in_halves(records, fill, lambda record: record.job.id)

        return await session.pool.aside(all_of_them)

    async def drop(self, jobs: Sequence[Job]) -> tuple[str, ...]:
        """Delete jobs that are still as given."""
        given = {job.id: job for job in jobs}

        def plan(sql: Texts) -> Plan[tuple[str, ...]]:
            rows = (yield Statement(sql("same"), (list(given),))).rows
            same = [row[ID] for row in rows if job_of(row) == given[row[ID]]]
            gone = {row[0] for row in (yield Statement(sql("purge"), (TextArray(same), True))).rows}
            return tuple([job_id for job_id in given if job_id in gone])

        return await self._change(plan)

    async def fence_floor(self) -> int:
        """Return the highest fence of all deleted jobs."""

        def plan(sql: Texts) -> Plan[int]:
            floor: int = (yield Statement(sql("fence_floor"))).rows[0][0]
            return floor

        return await self._look(plan)

    async def raise_fence_floor(self, floor: int) -> None:
        """Make the fences of new claims higher than a floor."""

        def plan(sql: Texts) -> Plan[None]:
            yield Statement(sql("fence_lift"), (raised_floor(0, floor),))

        await self._change(plan)

    async def identity(self) -> str:
        """Return the unique id that the store was given when it was created."""

        def plan(sql: Texts) -> Plan[str]:
            found: str = (yield Statement(sql("identity"))).rows[0][0]
            return found

        return await self._look(plan)

    def storable(self, text: str) -> str:
        """Return a text with escapes for characters that the database cannot hold."""
        return written(text, self.session.sql.codec)

    async def shut(self, queues: Sequence[str], other: str) -> tuple[Refusal, ...]:
        """Stop claims from queues that are open."""
        session = await ready(self.session)

        def plan(part: Sequence[str]) -> Plan[FillResult]:
            yield Statement(session.sql("shut"), (list(part), session.now, other))
            return FillResult(tuple(part))

        def all_of_them() -> FillResult:
            names = sorted(set(queues))
            return in_halves(names, lambda part: session.pool.run(lambda: plan(part)), str)

        return (await session.pool.aside(all_of_them)).refused

    async def reopen(self, queues: Sequence[str], other: str) -> tuple[str, ...]:
        """Open queues that are shut for no other store."""
        given = list(queues), other

        def plan(sql: Texts) -> Plan[tuple[str, ...]]:
            freed = [row[0] for row in (yield Statement(sql("reopen"), given)).rows]
            yield Statement(sql("unmark"), given)
            if freed:
                yield Statement(sql("wake"), (freed, 100))
            return tuple([queue for queue in dict.fromkeys(queues) if queue in freed])

        return await self._change(plan)

    async def shut_queues(self, other: str | None = None) -> tuple[str, ...]:
        """Name the queues that are shut."""

        def plan(sql: Texts) -> Plan[tuple[str, ...]]:
            return tuple([row[0] for row in (yield Statement(sql("shut_queues"), (other,))).rows])

        return await self._look(plan)

    async def dump_schedules(self, limit: int, cursor: str | None = None) -> HistoryPage:
        """List schedules by name."""
        return await self._look(
            lambda sql: schedule_history.dump(PostgresScheduleStatements(sql), limit, cursor)
        )

    async def fill_schedules(self, histories: Sequence[ScheduleHistory], other: str) -> FillResult:
        """Store schedules, shut, in one transaction unless some of them are refused."""
        session = await ready(self.session)

        def fill(part: Sequence[ScheduleHistory]) -> FillResult:
            def plan(sql: ScheduleStatements, _: int) -> Plan[FillResult]:
                return schedule_history.fill(sql, part, other)

            return session.pool.run(lambda: guarded(session.sql, session.now, plan))

        def all_of_them() -> FillResult:
            return in_halves(histories, fill, lambda history: history.standing.name)

        return await session.pool.aside(all_of_them)

    async def reopen_schedules(self, names: Sequence[str], other: str) -> tuple[str, ...]:
        """Let shut schedules fire again."""
        now = self.session.now
        return await self._change(
            lambda sql: guarded(sql, now, lambda on, _: on.reopen(names, other))
        )

    async def _look(self, plan: Callable[[Texts], Plan[T]]) -> T:
        session = await ready(self.session)
        return await session.inspect_pool.aonce(lambda: plan(session.sql))

    async def _change(self, plan: Callable[[Texts], Plan[T]]) -> T:
        session = await ready(self.session)
        return await session.pool.arun(lambda: plan(session.sql))


def _records(sql: Texts, rows: Sequence[Any]) -> Plan[list[Record]]:
    """Add errors and steps to rows of jobs."""
    ids = TextArray([row[ID] for row in rows])
    failures = _by_id((yield Statement(sql("dump_failures"), (ids,))).rows)
    steps = _by_id((yield Statement(sql("steps_of"), (ids,))).rows)
    logs = yield from logs_of(sql, [row[ID] for row in rows])
    return [
        Record(
            job_of(row),
            tuple([reading.error(row[ID], failure) for failure in failures.get(row[ID], ())]),
            dict(steps.get(row[ID], ())),
            logs.get(row[ID], ()),
        )
        for row in rows
    ]


def _by_id(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for job_id, *rest in rows:
        found[job_id].append(rest)
    return found


def _fill(sql: Texts, records: Sequence[Record]) -> Plan[FillResult]:
    """Store new records, return why others are refused, and skip ids that are stored already."""
    rows = (yield Statement(sql("fill"), _columns(records))).rows
    seqs: dict[str, int] = dict(rows)
    stored = [record for record in records if record.job.id in seqs]
    yield from _belongings(sql, stored, seqs)
    if stored:
        yield Statement(sql("tally_add"), ("enqueued", len(stored)))
    left = [record.job for record in records if record.job.id not in seqs]
    refused: list[Refusal] = []
    if left:
        ids = TextArray([job.id for job in left])
        known = {row[0] for row in (yield Statement(sql("known"), (ids,))).rows}
        for job in left:
            if job.id not in known:
                refused.append((yield from _refusal(sql, job)))
    return FillResult(tuple([record.job.id for record in stored]), tuple(refused))


def _refusal(sql: Texts, job: Job) -> Plan[Refusal]:
    rows = (yield Statement(sql("holder"), (job.unique_key, None, None))).rows
    return key_held(job, f"job {rows[0][0]}" if rows else "a job that has just ended")


def _belongings(sql: Texts, stored: Sequence[Record], seqs: dict[str, int]) -> Plan[None]:
    # An error's own fence is not exported. Counted back from the job's fence, the fences keep the
    # errors' order and stay below that of the next attempt.
    failures = [
        (record.job.id, record.job.fence - back, error)
        for record in stored
        for back, error in zip(range(len(record.errors) - 1, -1, -1), record.errors, strict=True)
    ]
    if failures:
        errors = [error for _, _, error in failures]
        translate_error: tuple[Array, ...] = (
            Longs([seqs[job_id] for job_id, _, _ in failures]),
            TextArray([job_id for job_id, _, _ in failures]),
            Integers([fence for _, fence, _ in failures]),
            Integers([error.attempt for error in errors]),
            Longs([error.at for error in errors]),
            TextArray([written(error.worker, sql.codec) for error in errors]),
            TextArray([written(error.type, sql.codec) for error in errors]),
            TextArray([written(error.message, sql.codec) for error in errors]),
            TextArray([written(error.traceback, sql.codec) for error in errors]),
        )
        yield Statement(sql("fill_failures"), translate_error)
    steps = [
        (seqs[record.job.id], record.job.id, place, *step)
        for record in stored
        for place, step in enumerate(record.steps.items())
    ]
    if steps:
        kinds = (Longs, TextArray, Integers, TextArray, Bytes)
        yield Statement(sql("fill_steps"), columns(kinds, steps))
    logs = [(record.job.id, written_log(record.log)) for record in stored if record.log]
    yield from put_logs(sql, [(seqs[job_id], job_id, body) for job_id, body in logs])


def _columns(records: Sequence[Record]) -> tuple[Array, ...]:
    """Return the arrays of the statement ``fill``."""
    return columns(_KINDS, [job_row(record.job) for record in records])
