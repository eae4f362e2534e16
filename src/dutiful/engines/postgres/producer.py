"""Storing new jobs."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import EngineError
from dutiful.core.job import NewJob
from dutiful.core.replacement import Work
from dutiful.core.state import State
from dutiful.core.unique import replaces
from dutiful.engines._sql.rewriting import replaced
from dutiful.engines._sql.rows import packed
from dutiful.engines._sql.statement import Plan, Statement

from .connections.arrays import Array, Bytes, Integers, Longs, Shorts, TextArray
from .connections.errors import DuplicateId, NotAllStored
from .session import Session
from .statements import Texts

_MANY = 500
"""A batch of at least this many jobs gets its own commit."""
_TURNS = 20
"""After the key's holder has ended this many times between two statements, the row is refused."""
_AT_ONCE = (0, None, None, None, None)
"""Delay, time, expiry, tags and meta of a job that has none of them."""


class PostgresProducer:
    """The roles `Producer` and `SyncProducer`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs; a few without a unique rule share a commit with what others enqueue."""
        session = await ready(self.session)
        if _plain(jobs):
            try:
                if len(jobs) >= _MANY:
                    return await session.pool.aonce(lambda: self._plan(jobs), writes=True)
                return await session.enqueue_batcher.enqueue(jobs, self._plan)
            except (DuplicateId, NotAllStored):
                pass
        return await session.pool.arun(lambda: again(session.sql, jobs, session.now))

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs, in the calling thread."""
        session = self.session.ready()
        if _plain(jobs):
            try:  # a single statement, so it is a transaction by itself
                return session.pool.once(lambda: self._plan(jobs), writes=True)
            except (DuplicateId, NotAllStored):
                pass
        return session.pool.run(lambda: again(session.sql, jobs, session.now))

    def _plan(self, jobs: Sequence[NewJob]) -> Plan[tuple[Receipt, ...]]:
        # Behind a pooler a statement is always a part of a transaction.
        session = self.session
        return enqueue(session.sql, jobs, session.now, late=session.address.pooler)


async def ready(session: Session) -> Session:
    """Open a session in a thread, if it is not open."""
    if not session.open:
        await session.pool.aside(session.ready)
    return session


def enqueue(
    sql: Texts, jobs: Sequence[NewJob], now: int | None, *, late: bool = False
) -> Plan[tuple[Receipt, ...]]:
    """Store jobs in their order; in a longer transaction ``late`` looks for listeners at its end.

    DuplicateId where a plain job is stored already, NotAllStored where a trigger keeps one from
    being stored: store them `again`.
    """
    if not jobs:
        return ()
    if _plain(jobs):
        yield _plainly(sql, jobs, now, late)
        return tuple([Receipt(job.id) for job in jobs])
    return (yield from again(sql, jobs, now))


def again(
    sql: Texts, jobs: Sequence[NewJob], now: int | None, *, joins: bool = False
) -> Plan[tuple[Receipt, ...]]:
    """Store the jobs that can be stored, and return for the others why not.

    Listeners are looked for at the commit, because this may wait for a session that has locked the
    job of a key. In the caller's transaction (``joins``) it reads as little as possible.
    """
    stored = yield from store(sql, jobs, now)
    return (yield from receipts(sql, jobs, stored, now, joins=joins))


def receipts(
    sql: Texts, jobs: Sequence[NewJob], stored: set[str], now: int | None, *, joins: bool = False
) -> Plan[tuple[Receipt, ...]]:
    """Return why jobs were not ``stored``; store those whose key has become free."""
    replacing = [job for job in jobs if job.id not in stored and _replaces(job)]
    if len(replacing) > 1:
        # Every caller locks jobs in the same order, which need not be that of the keys.
        keys, periods = _keys(replacing)
        yield Statement(sql("holders_lock"), (keys, periods, now))
    plain = [job.id for job in jobs if job.unique is None and job.id not in stored]
    known: set[str] = set()
    if plain:
        known |= {row[0] for row in (yield Statement(sql("known"), (plain,))).rows}
    found: list[Receipt] = []
    for job in jobs:
        if job.id in stored or job.id in known:
            found.append(Receipt(job.id))
        else:
            found.append((yield from _refused(sql, job, stored, now, joins)))
    return tuple(found)


def store(sql: Texts, jobs: Sequence[NewJob], now: int | None) -> Plan[set[str]]:
    """Store the jobs that can be stored, and return their ids."""
    keyed = sum([job.unique is not None for job in jobs])
    statement = sql("enqueue_keys" if keyed > 1 else "enqueue")
    answer = yield Statement(statement, (*_columns(jobs), now))
    return set(answer.rows[0][0] or ())


def _plainly(sql: Texts, jobs: Sequence[NewJob], now: int | None, late: bool) -> Statement:
    job = jobs[0]
    what = (job.task, job.queue, job.priority)
    when = (job.delay, job.run_at, job.expires_in, packed(job.tags), packed(job.meta))
    if len(jobs) == 1 and when == _AT_ONCE:
        alone = (job.id, *what, job.args, job.max_attempts, now, late)
        return Statement(sql("store_one"), alone)
    if _alike(jobs):
        ids, args = TextArray([job.id for job in jobs]), Bytes([job.args for job in jobs])
        shared = (*what, job.max_attempts, *when, now, late, _soon(job))
        return Statement(sql("store_alike"), (ids, args, *shared))
    soon = [job.queue for job in jobs if _soon(job)]
    columns = _columns(jobs)
    columns = (*columns[:9], *columns[12:])
    return Statement(sql("store"), (*columns, now, late, list(set(soon)), len(soon)))


def _alike(jobs: Sequence[NewJob]) -> bool:
    """Whether plain jobs differ only in their ids and arguments."""
    shared = _shared(jobs[0])
    return all([_shared(job) == shared for job in jobs])


_shared = attrgetter(
    "task", "queue", "priority", "max_attempts", "delay", "run_at", "expires_in", "tags", "meta"
)


def _soon(job: NewJob) -> bool:
    """Whether a job may be due when it is stored; only the store's clock can decide that."""
    return not job.delay or job.run_at is not None


def _refused(
    sql: Texts, job: NewJob, stored: set[str], now: int | None, joins: bool
) -> Plan[Receipt]:
    """Find out why a job was not stored, and give way to the one that holds its key."""
    rule = job.unique
    if rule is None:
        raise _passed_over(job.id)
    for _ in range(_TURNS):
        holders = (yield Statement(sql("holder"), (rule.key, rule.period, now))).rows
        holder: str | None = holders[0][0] if holders else None
        if holder == job.id:
            return Receipt(job.id)
        # A read where the newest ids are would conflict with every serializable transaction that
        # enqueues. The job gives way to the holder also if it was itself stored and has ended.
        gives_way = holder is not None and rule.on_conflict == "existing"
        if not (joins and gives_way) and (yield Statement(sql("known"), ([job.id],))).rows:
            return Receipt(job.id)
        if holder is not None:
            given = replaces(rule, holder) and (yield from _replace(sql, job, holder, now))
            return Receipt(holder, created=False, replaced=given)
        # The holder ended between the two statements, so the key is free.
        if late := (yield from store(sql, [job], now)):
            stored |= late
            return Receipt(job.id)
    raise _passed_over(job.id)


def _passed_over(job_id: str) -> EngineError:
    """Return the error for a row of a job that a trigger keeps from being written."""
    return EngineError(
        f"job {job_id} was not stored: a trigger refused its row; let the trigger on the table "
        "job return NEW, or raise what is wrong"
    )


def _plain(jobs: Sequence[NewJob]) -> bool:
    return all(job.unique is None for job in jobs)


def _replaces(job: NewJob) -> bool:
    return job.unique is not None and job.unique.on_conflict == "replace"


def _keys(jobs: Sequence[NewJob]) -> tuple[TextArray, Longs]:
    """Return the columns of the unique keys and of their periods."""
    rules = [job.unique for job in jobs]
    keys = TextArray([rule and rule.key for rule in rules])
    return keys, Longs([rule and rule.period for rule in rules])


def _columns(jobs: Sequence[NewJob]) -> tuple[Array, ...]:
    """Return the arrays of the statement ``enqueue``."""
    return (
        TextArray([job.id for job in jobs]),
        TextArray([job.task for job in jobs]),
        TextArray([job.queue for job in jobs]),
        Shorts([job.priority for job in jobs]),
        Bytes([job.args for job in jobs]),
        Integers([job.max_attempts for job in jobs]),
        Longs([job.delay for job in jobs]),
        Longs([job.run_at for job in jobs]),
        Longs([job.expires_in for job in jobs]),
        *_keys(jobs),
        Shorts([job.unique.states if job.unique else 0 for job in jobs]),
        TextArray([packed(job.tags) if job.tags else None for job in jobs]),
        TextArray([packed(job.meta) if job.meta else None for job in jobs]),
    )


def _replace(sql: Texts, job: NewJob, holder: str, now: int | None) -> Plan[bool]:
    """Replace what the job that holds a key would run; False when it runs or has ended."""
    rows = (yield Statement(sql("work"), (holder,))).rows
    if not rows:
        return False
    task, args, meta = rows[0]
    after, drops_steps = replaced(Work(task, args), meta, Work(job.task, job.args), job.meta)
    if drops_steps:
        yield Statement(sql("steps_drop"), (holder,))
    params = _replacement(job, after, holder, now)
    moved = (yield Statement(sql("replace"), params)).rows
    if not moved:  # although its row was locked
        raise _passed_over(holder)
    if moved[0][0] == State.QUEUED:
        yield Statement(sql("wake_late"), (job.queue,))
    return True


def _replacement(
    job: NewJob, meta: dict[str, str], holder: str, now: int | None
) -> tuple[Any, ...]:
    what = (holder, job.task, job.queue, job.priority, job.args, job.max_attempts)
    when = (job.delay, job.run_at, job.expires_in)
    return (*what, *when, packed(job.tags), packed(meta), now)
