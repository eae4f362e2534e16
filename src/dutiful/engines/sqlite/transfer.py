"""Export and import of a store's content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec.structs import replace

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
from dutiful.core.task_log import read_log
from dutiful.core.task_log import written as written_log
from dutiful.engines._sql import records as reading
from dutiful.engines._sql import schedule_history
from dutiful.engines._sql.records import SEQ
from dutiful.engines._sql.rows import job_row
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines._sql.stored import shown

from .connections.group_commit import Written, without_wake
from .retention import delete
from .rows import by_id, error_row, job_of, jobs_of, steps_from
from .rows import storable as written
from .schedules.schedule_statements import STATEMENTS
from .session import Session
from .statements import sql

_DUMP = sql("dump")
_FAILURES = sql("dump_failures")
_STEPS = sql("dump_steps")
_GET = sql("get")
_KNOWN = sql("known")
_HOLDER = sql("holder")
_FILL = sql("fill")
_FILL_FAILURES = sql("fill_failures")
_FILL_STEPS = sql("fill_steps")
_LOGS = sql("log_dump")
_FILL_LOGS = sql("log_fill")
_TALLY_ADD = sql("tally_add")
_FENCE_FLOOR = sql("fence_floor")
_FENCE_LIFT = sql("fence_lift")
_SHUT = sql("shut")
_REOPEN = sql("reopen")
_SHUT_QUEUES = sql("shut_queues")
_UNMARK = sql("unmark")
_IDENTITY = sql("identity")
_FIRST = -(2**63)


class SqliteTransfer:
    """The roles `Exporter` and `Importer`; the cursor is a position in the order of enqueueing."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def dump(self, limit: int, cursor: str | None = None) -> Dumped:
        """List records, oldest first."""

        def plan() -> Plan[Dumped]:
            after = _FIRST if cursor is None else int(cursor)
            rows = (yield Statement(_DUMP, (after, limit + 1))).rows
            page = rows[:limit]
            records = yield from _records(page)
            return Dumped(records, str(page[-1][SEQ]) if len(rows) > limit else None)

        return await self.session.ready().readers.aread(plan)

    async def fetch(self, ids: Sequence[str]) -> tuple[Record, ...]:
        """Return the records found."""

        def plan() -> Plan[tuple[Record, ...]]:
            found: list[Record] = []
            for job_id in ids:
                rows = (yield from by_id(_GET, job_id)).rows
                found += yield from _records(rows)
            return tuple(found)

        return await self.session.ready().readers.aread(plan)

    async def fill(self, records: Sequence[Record]) -> FillResult:
        """Store records as they are, all in one transaction."""
        return await self.session.writable().writer.awrite(lambda: _fill(records))

    async def drop(self, jobs: Sequence[Job]) -> tuple[str, ...]:
        """Delete jobs that are still as given."""

        def plan() -> Written[tuple[str, ...]]:
            same: list[tuple[int, str]] = []
            for job in jobs:
                rows = (yield from by_id(_GET, job.id)).rows
                if rows and job_of(rows[0]) == job:
                    same.append((rows[0][SEQ], job.id))
            yield from delete([(seq,) for seq, _ in same], "purged")
            return tuple(job_id for _, job_id in same), False

        return await self.session.writable().writer.awrite(plan)

    async def fence_floor(self) -> int:
        """Return the highest fence of all deleted jobs."""

        def plan() -> Plan[int]:
            floor: int = (yield Statement(_FENCE_FLOOR)).rows[0][0]
            return floor

        return await self.session.ready().readers.aread(plan)

    async def raise_fence_floor(self, floor: int) -> None:
        """Make the fences of new claims higher than a floor."""

        def plan() -> Written[None]:
            yield Statement(_FENCE_LIFT, (raised_floor(0, floor),))
            return None, False

        await self.session.writable().writer.awrite(plan)

    async def identity(self) -> str:
        """Return the unique id that the store was given when it was created."""

        def plan() -> Plan[str]:
            found = (yield Statement(_IDENTITY)).rows[0][0]
            return found if isinstance(found, str) else shown(found)

        return await self.session.ready().readers.aread(plan)

    def storable(self, text: str) -> str:
        """Return a text without lone surrogates."""
        return written(text)

    async def shut(self, queues: Sequence[str], other: str) -> tuple[Refusal, ...]:
        """Stop claims from queues that are open."""
        session = self.session.writable()

        def plan() -> Written[tuple[Refusal, ...]]:
            now, mark = session.clock.now(), _mark(other)
            yield Statement(_SHUT, [(queue, now, mark) for queue in queues], many=True)
            return (), False

        return await session.writer.awrite(plan)

    async def reopen(self, queues: Sequence[str], other: str) -> tuple[str, ...]:
        """Open queues that are shut for no other store."""

        def plan() -> Written[tuple[str, ...]]:
            freed: list[str] = []
            for queue in dict.fromkeys(queues):
                if (yield Statement(_REOPEN, (queue, _mark(other)))).count:
                    freed.append(queue)
                else:
                    yield Statement(_UNMARK, (_mark(other), queue))
            return tuple(freed), bool(freed)

        return await self.session.writable().writer.awrite(plan)

    async def shut_queues(self, other: str | None = None) -> tuple[str, ...]:
        """Name the queues that are shut."""
        mark = "" if other is None else _mark(other)

        def plan() -> Plan[tuple[str, ...]]:
            return tuple([row[0] for row in (yield Statement(_SHUT_QUEUES, (mark,))).rows])

        return await self.session.ready().readers.aread(plan)

    async def dump_schedules(self, limit: int, cursor: str | None = None) -> HistoryPage:
        """List schedules by name."""
        return await self.session.ready().readers.aread(
            lambda: schedule_history.dump(STATEMENTS, limit, cursor)
        )

    async def fill_schedules(self, histories: Sequence[ScheduleHistory], other: str) -> FillResult:
        """Store schedules, shut, all in one transaction."""
        return await self.session.writable().writer.awrite(
            lambda: without_wake(schedule_history.fill(STATEMENTS, histories, other))
        )

    async def reopen_schedules(self, names: Sequence[str], other: str) -> tuple[str, ...]:
        """Let shut schedules fire again."""
        return await self.session.writable().writer.awrite(
            lambda: without_wake(STATEMENTS.reopen(names, other))
        )


def _mark(other: str) -> str:
    return f"|{other}|"


def _records(rows: Sequence[Any]) -> Plan[tuple[Record, ...]]:
    """Add errors and steps to rows of jobs, which are in the order of their numbers."""
    if not rows:
        return ()
    span = (rows[0][SEQ], rows[-1][SEQ])
    failures = _by_seq((yield Statement(_FAILURES, span)).rows)
    steps = _by_seq((yield Statement(_STEPS, span)).rows)
    logs: dict[int, Any] = dict((yield Statement(_LOGS, span)).rows)
    records: list[Record] = []
    for row, job in zip(rows, jobs_of(list(rows)), strict=True):
        errors = tuple([reading.error(job.id, failure) for failure in failures.get(row[SEQ], ())])
        taken, sound = steps_from(steps.get(row[SEQ], ()))
        kept = job if sound else replace(job, unreadable="steps")
        records.append(Record(kept, errors, taken, read_log(logs.get(row[SEQ]))))
    return tuple(records)


def _by_seq(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for seq, *rest in rows:
        found[seq].append(rest)
    return found


def _fill(records: Sequence[Record]) -> Written[FillResult]:
    """Store new records, return why others are refused, and skip ids that are stored already."""
    stored: list[Record] = []
    refused: list[Refusal] = []
    for record in records:
        job = record.job
        if (yield Statement(_FILL, job_row(job))).count:
            stored.append(record)
        elif not (yield Statement(_KNOWN, (job.id,))).rows:
            (_, holder, _), *_ = (yield Statement(_HOLDER, (job.unique_key,))).rows
            refused.append(key_held(job, f"job {holder}"))
    yield from _belongings(stored)
    if stored:
        yield Statement(_TALLY_ADD, (len(stored), "enqueued"))
    return FillResult(tuple([record.job.id for record in stored]), tuple(refused)), bool(stored)


def _belongings(stored: Sequence[Record]) -> Plan[None]:
    # An error's own fence is not exported. Counted back from the job's fence, the fences keep the
    # errors' order and stay below that of the next attempt.
    failures = [
        (back, *error_row(error), record.job.id)
        for record in stored
        for back, error in zip(range(len(record.errors) - 1, -1, -1), record.errors, strict=True)
    ]
    if failures:
        yield Statement(_FILL_FAILURES, failures, many=True)
    steps = [(*step, record.job.id) for record in stored for step in record.steps.items()]
    if steps:
        yield Statement(_FILL_STEPS, steps, many=True)
    logs = [(written_log(record.log), record.job.id) for record in stored if record.log]
    if logs:
        yield Statement(_FILL_LOGS, logs, many=True)
