"""Storing new jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import EngineError
from dutiful.core.instant import SECOND
from dutiful.core.job import Job, NewJob, stamp
from dutiful.core.replacement import Work
from dutiful.core.state import State, movable
from dutiful.core.unique import Unique, replaces
from dutiful.engines._sql.rewriting import replaced
from dutiful.engines._sql.rows import packed
from dutiful.engines._sql.statement import Plan, Statement

from .connections.group_commit import Written
from .notifier import POLL_SECONDS
from .session import Session
from .statements import sql

_ENQUEUE = sql("enqueue")
_KNOWN = sql("known")
_HOLDER = sql("holder")
_REPLACE = sql("replace")
_WORK = sql("work")
_STEPS_DROP = sql("steps_drop")
_DELETE_STEPS = sql("delete_steps")
_TALLY_ADD = sql("tally_add")

_ON_CONNECTION = "enqueue on its connection: task.using(connection=...).enqueue(...)"


class SqliteProducer:
    """The roles `Producer` and `SyncProducer`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs, in the writer's thread."""
        session = self.session.ready()
        session.forbid_inside(_ON_CONNECTION)
        return await session.writer.awrite(
            lambda: enqueue(jobs, session.clock.now()), picky=picky(jobs)
        )

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs, in the calling thread."""
        session = self.session.ready()
        session.forbid_inside(_ON_CONNECTION)
        return session.writer.write(lambda: enqueue(jobs, session.clock.now()), picky=picky(jobs))


def enqueue(jobs: Sequence[NewJob], now: int) -> Written[tuple[Receipt, ...]]:
    """Store jobs in order; adjacent jobs without a unique rule share one statement."""
    receipts: list[Receipt] = []
    rows: list[tuple[Any, ...]] = []
    created, soon = 0, now + int(POLL_SECONDS * SECOND)
    wakes = False
    for new in jobs:
        job = stamp(new, now)
        wakes = wakes or job.run_at <= soon
        if new.unique is None:
            rows.append(_new_row(job))
            receipts.append(Receipt(job.id))
            continue
        if rows:
            created += yield from _store(rows)
            rows = []
        receipt, count = yield from _unique(job, new.unique)
        receipts.append(receipt)
        created += count
    if rows:
        created += yield from _store(rows)
    if created:
        yield Statement(_TALLY_ADD, (created, "enqueued"))
    return tuple(receipts), wakes


def _store(rows: Sequence[tuple[Any, ...]]) -> Plan[int]:
    """Store jobs without a unique rule; those whose ids are stored already stay as they are."""
    count = (yield Statement(_ENQUEUE, rows, many=True)).count
    if count < len(rows):
        for row in rows:
            if not (yield Statement(_KNOWN, (row[0],))).rows:
                raise _passed_over(row[0])
    return count


def _unique(job: Job, rule: Unique) -> Plan[tuple[Receipt, int]]:
    """Store a job with a unique rule, or give way to the one that holds its key."""
    if (yield Statement(_ENQUEUE, _new_row(job))).count:
        return Receipt(job.id), 1
    if (yield Statement(_KNOWN, (job.id,))).rows:
        return Receipt(job.id), 0
    holders = (yield Statement(_HOLDER, (job.unique_key,))).rows
    if not holders:
        raise _passed_over(job.id)
    seq, holder, state = holders[0]
    if replaces(rule, holder) and movable(state, "replace"):
        yield from _replace(job, seq)
        return Receipt(holder, created=False, replaced=True), 0
    return Receipt(holder, created=False), 0


def _replace(job: Job, seq: int) -> Plan[None]:
    """Replace what the job that holds a key would run."""
    task, args, meta = (yield Statement(_WORK, (seq,))).rows[0]
    after, drops_steps = replaced(Work(task, args), meta, Work(job.task, job.args), job.meta)
    if drops_steps:
        yield from drop_steps(seq)
    if not (yield Statement(_REPLACE, _replacement(job, after, seq))).count:
        raise _passed_over(job.id)


def _passed_over(job_id: str) -> EngineError:
    """Return the error for a row of a job that a trigger keeps from being written."""
    return EngineError(
        f"job {job_id} was not stored: a trigger refused its row; let the trigger on "
        "dutiful_job raise ABORT with what is wrong instead of IGNORE"
    )


def drop_steps(seq: int) -> Plan[None]:
    """Delete the steps that earlier attempts of a job recorded."""
    yield Statement(_DELETE_STEPS, (seq,))
    yield Statement(_STEPS_DROP, (seq,))


def _replacement(job: Job, meta: dict[str, str], seq: int) -> tuple[Any, ...]:
    what = (job.task, job.queue, int(job.state), job.priority, job.args, job.max_attempts)
    return (*what, job.run_at, job.expires_at, packed(job.tags), packed(meta), seq)


def _new_row(job: Job) -> tuple[Any, ...]:
    """Return the parameters of the statement ``enqueue``."""
    tags, meta = job.tags, job.meta
    return (
        job.id,
        job.task,
        job.queue,
        1 if job.state is State.QUEUED else 0,
        job.priority,
        job.args,
        job.max_attempts,
        job.enqueued_at,
        job.run_at,
        job.expires_at,
        job.unique_key,
        job.unique_states,
        packed(tags) if tags else None,
        packed(meta) if meta else None,
    )


def picky(jobs: Sequence[NewJob]) -> bool:
    """Whether a write of these jobs may be refused because of a unique key."""
    for job in jobs:  # faster than any() of a generator, for one job
        if job.unique is not None and job.unique.on_conflict == "raise":
            return True
    return False
