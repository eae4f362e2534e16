"""Taking jobs in."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dutiful.contract.caller import no_transaction
from dutiful.contract.django import connection_of, is_django
from dutiful.contract.django import translated as translated_django
from dutiful.contract.protocol import Receipt
from dutiful.contract.records import mark_of
from dutiful.contract.statement import Plan, Statement, run
from dutiful.core.errors import DuplicateJob, EngineUnavailable, UsageError
from dutiful.core.instant import SECOND
from dutiful.core.job import Job, NewJob, stamp
from dutiful.core.replacement import Work, changed, marked
from dutiful.core.state import State

from .connection import executor, explain, translated
from .group import Written
from .rows import new_row, packed
from .session import Session
from .statements import sql
from .wake import POLL_SECONDS

_ENQUEUE = sql("enqueue")
_KNOWN = sql("known")
_HOLDER = sql("holder")
_REPLACE = sql("replace")
_WORK = sql("work")
_STEPS_DROP = sql("steps_drop")
_DELETE_STEPS = sql("delete_steps")
_TALLY_ADD = sql("tally_add")
_TABLES = sql("tables")

_ON_CONNECTION = "enqueue on its connection: task.using(connection=...).enqueue(...)"
_NOT_STARTED = (State.SCHEDULED, State.QUEUED, State.WAITING)


class SqliteProducer:
    """The roles `Producer` and `SyncProducer`."""

    session: Session

    async def enqueue(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs, in the writer's thread."""
        session = self.session.ready()
        session.forbid_inside(_ON_CONNECTION)
        return await session.writer.awrite(
            lambda: enqueue(jobs, session.clock.now()), picky=_picky(jobs)
        )

    def enqueue_sync(self, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs, in the calling thread."""
        session = self.session.ready()
        session.forbid_inside(_ON_CONNECTION)
        return session.writer.write(lambda: enqueue(jobs, session.clock.now()), picky=_picky(jobs))

    def enqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs on the caller's connection, inside its transaction."""
        if is_django(connection):
            return self._on_django(connection, jobs)
        session = self.session
        path = session.place.path
        with _plain(connection, path) as cursor:
            _check(cursor, path)
            _open(session, cursor)
            with translated(path):
                _join(cursor)
                cursor.execute("SAVEPOINT dutiful_enqueue")
            try:
                plan = enqueue(jobs, session.clock.now())
                receipts, _ = run(plan, executor(cursor, path))
            except BaseException:
                if cursor.connection.in_transaction:  # else SQLite has rolled back by itself
                    cursor.execute("ROLLBACK TO dutiful_enqueue")
                    cursor.execute("RELEASE dutiful_enqueue")
                raise
            with translated(path):
                cursor.execute("RELEASE dutiful_enqueue")
            return receipts

    def _on_django(self, given: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        path = self.session.place.path
        connection = connection_of(given, vendor="sqlite", engine=f"the file {path}")
        if not connection.in_atomic_block:
            self.session.ready()  # it would have to wait for the transaction below

        def translate(error: BaseException) -> Exception:
            return (
                explain(error, path) if isinstance(error, sqlite3.Error) else UsageError(f"{error}")
            )

        with translated_django(connection, translate) as atomic, atomic:
            connection.ensure_connection()
            return self.enqueue_on(connection.connection, jobs)

    async def aenqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs on the caller's connection, which blocks as all that it does."""
        return self.enqueue_on(connection, jobs)


def enqueue(jobs: Sequence[NewJob], now: int) -> Written[tuple[Receipt, ...]]:
    """Store jobs in their order, those without a unique rule by one statement a stretch."""
    receipts: list[Receipt] = []
    rows: list[tuple[Any, ...]] = []
    created, soon = 0, now + int(POLL_SECONDS * SECOND)
    wakes = False
    store = partial(Statement, _ENQUEUE, many=True)
    for new in jobs:
        job = stamp(new, now)
        wakes = wakes or job.run_at <= soon
        if new.unique is None:
            rows.append(new_row(job))
            receipts.append(Receipt(job.id))
            continue
        if rows:
            created += (yield store(rows)).count
            rows = []
        receipt, count = yield from _unique(new, job)
        receipts.append(receipt)
        created += count
    if rows:
        created += (yield store(rows)).count
    if created:
        yield Statement(_TALLY_ADD, (created, "enqueued"))
    return tuple(receipts), wakes


def _unique(new: NewJob, job: Job) -> Plan[tuple[Receipt, int]]:
    """Store a job with a unique rule, or give way to the one that holds its key."""
    if (yield Statement(_ENQUEUE, new_row(job))).count:
        return Receipt(job.id), 1
    if (yield Statement(_KNOWN, (job.id,))).rows:
        return Receipt(job.id), 0
    seq, holder, state = (yield Statement(_HOLDER, (job.unique_key,))).rows[0]
    if new.unique is not None and new.unique.on_conflict == "raise":
        raise DuplicateJob(new.unique.key, holder)
    replaces = new.unique is not None and new.unique.on_conflict == "replace"
    if replaces and state in _NOT_STARTED:
        yield from _replace(job, seq)
        return Receipt(holder, created=False, replaced=True), 0
    return Receipt(holder, created=False), 0


def _replace(job: Job, seq: int) -> Plan[None]:
    """Replace what the job that holds a key would run."""
    task, args, meta = (yield Statement(_WORK, (seq,))).rows[0]
    new = Work(job.task, job.args)
    mark, drops_steps = changed(Work(task, args), new, mark_of(meta))
    if drops_steps:
        yield from drop_steps(seq)
    yield Statement(_REPLACE, _replacement(job, marked(job.meta, mark), seq))


def drop_steps(seq: int) -> Plan[None]:
    """Delete the steps that earlier attempts of a job recorded."""
    yield Statement(_DELETE_STEPS, (seq,))
    yield Statement(_STEPS_DROP, (seq,))


def _replacement(job: Job, meta: dict[str, str], seq: int) -> tuple[Any, ...]:
    what = (job.task, job.queue, int(job.state), job.priority, job.args, job.max_attempts)
    return (*what, job.run_at, job.expires_at, packed(job.tags), packed(meta), seq)


def _picky(jobs: Sequence[NewJob]) -> bool:
    return any(job.unique is not None and job.unique.on_conflict == "raise" for job in jobs)


def _open(session: Session, cursor: sqlite3.Cursor) -> None:
    """Open the store, unless that would have to wait for the caller's own transaction."""
    if session.open or not cursor.connection.in_transaction:
        session.ready()
        return
    with translated(session.place.path):
        found = cursor.execute(_TABLES).fetchall()
    if not found:
        raise UsageError(
            "the store has no tables yet, and they cannot be made inside your transaction; "
            "call app.open() (or enqueue one job) once, before it begins"
        )


@contextmanager
def _plain(connection: Any, path: Path) -> Generator[sqlite3.Cursor, None, None]:
    """Give a cursor of the caller's connection that answers in tuples and str."""
    if not isinstance(connection, sqlite3.Connection):
        raise UsageError(
            f"a {type(connection).__qualname__} is no sqlite3.Connection; pass the driver's own "
            "connection, such as Django's connection.connection"
        )
    with translated(path):
        cursor = connection.cursor()
    kept, connection.text_factory = connection.text_factory, str
    cursor.row_factory = None
    try:
        yield cursor
    finally:
        connection.text_factory = kept
        cursor.close()


def _check(cursor: sqlite3.Cursor, path: Path) -> None:
    """Refuse a connection to another file."""
    with translated(path):
        file = cursor.execute("PRAGMA database_list").fetchone()[2]
    try:
        same = bool(file) and os.path.samefile(file, path)
    except OSError as error:
        raise EngineUnavailable(f"{path} was removed while it was in use: {error}") from error
    if not same:
        raise UsageError(
            f"the connection is open on {file or 'memory'}, and the jobs are in {path}; "
            "one transaction can only span one file"
        )


def _join(cursor: sqlite3.Cursor) -> None:
    """Begin the transaction that the connection would have begun at its own first write."""
    connection = cursor.connection
    if connection.in_transaction:
        return
    legacy = getattr(connection, "autocommit", -1) == -1
    if not legacy:
        commits = getattr(connection, "autocommit", None) is True
    else:
        commits = connection.isolation_level is None
    if commits:
        raise UsageError(no_transaction("the sqlite3 connection", "execute BEGIN first"))
    if legacy:
        # Else the savepoint would open the transaction, and its release would commit it.
        cursor.execute(f"BEGIN {connection.isolation_level}")
