"""A task's connection: it frees the write lock at its end, and only the job ends it."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dutiful.contract.roles.consumer import Wanted
from dutiful.core.errors import UsageError
from dutiful.core.instant import SECOND
from dutiful.core.job import Claim
from dutiful.core.state import State
from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite.transaction import SqliteTransaction
from dutiful.testing.conformance.moves import hand
from tests.engines.sqlite.support import claimed, new, rows, settled

LEFT: dict[str, Callable[[sqlite3.Connection], Any]] = {
    "a half-read SELECT": lambda db: first(db.execute("SELECT n FROM big")),
    "a half-read INSERT": lambda db: first(
        db.execute("INSERT INTO big (n) VALUES (1), (2) RETURNING n")
    ),
    "a cursor of its own class": lambda db: first(db.cursor(Mine).execute("SELECT n FROM big")),
    "an open value": lambda db: db.blobopen("big", "value", 1),
    "a loop over rows": lambda db: first(iter(db.execute("SELECT n FROM big"))),
}
BIG = "CREATE TABLE big (n INTEGER, value BLOB)"
ROWS = "INSERT INTO big (n, value) VALUES (1, zeroblob(8)), (2, x''), (3, x'')"
ENDLESS = "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


class Mine(sqlite3.Cursor):
    """A cursor that cannot be hashed."""

    def __eq__(self, other: object) -> bool:
        return False


def first(rows: Any) -> Any:
    next(rows)
    return rows


def is_free(path: Path, *, log: bool = True) -> bool:
    """Whether another connection may write, and may empty the log."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        other.execute("COMMIT")
        busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy or not log


@pytest.fixture
async def claim(engine: SqliteEngine, path: Path) -> Claim:
    """A job of a worker whose transactions may last a tenth of a second; and rows to read."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(BIG)
        other.execute(ROWS)
        other.commit()
    await engine.producer.enqueue([new()])
    await engine.fleet.join(hand("brief", lease=SECOND // 5))
    return (await engine.consumer.exchange("brief", [], Wanted(("default",), 1))).claims[0]


@pytest.fixture
async def long(engine: SqliteEngine, path: Path, claim: Claim) -> Claim:
    """The same of a worker whose transactions may last for as long as any."""
    return (await claimed(engine))[0]


@pytest.mark.parametrize("what", LEFT)
async def test_kept_statements_do_not_keep_the_lock_after_the_limit(
    engine: SqliteEngine, path: Path, claim: Claim, what: str
) -> None:
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    connection.execute("INSERT INTO big (n) VALUES (9)")
    kept = LEFT[what](connection)
    assert await _freed(path, 5)
    assert rows(path, "SELECT count(*) FROM big") == [(3,)]
    with pytest.raises(UsageError, match=r"open for longer than 0\.1 s"):
        transaction.commit(settled(claim))
    with pytest.raises((sqlite3.ProgrammingError, TypeError)):
        next(kept)


@pytest.mark.parametrize("what", LEFT)
@pytest.mark.parametrize("commits", [True, False])
async def test_kept_statements_do_not_keep_the_lock_after_the_end(
    engine: SqliteEngine, path: Path, long: Claim, what: str, commits: bool
) -> None:
    transaction = engine.transactional.transaction(long)
    connection = transaction.begin()
    connection.execute("INSERT INTO big (n) VALUES (9)")
    kept = LEFT[what](connection)
    if commits:
        assert transaction.commit(settled(long))
    else:
        transaction.rollback()
    await engine.close()  # or its own connections would keep the log
    assert is_free(path)
    written = rows(path, "SELECT count(*) FROM big WHERE n = 9")
    assert written == [(int(commits),)]
    assert kept is not None


async def test_a_begin_that_fails_frees_the_lock(
    engine: SqliteEngine, path: Path, claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[sqlite3.Cursor] = []

    def limit(_: SqliteTransaction, own: sqlite3.Cursor) -> float:
        kept.append(first(own.execute("SELECT n FROM big")))
        raise KeyboardInterrupt

    monkeypatch.setattr(SqliteTransaction, "_limit", limit)
    with pytest.raises(KeyboardInterrupt):
        engine.transactional.transaction(claim).begin()
    assert await _freed(path, 5, log=False)
    assert kept


async def test_rows_of_a_generator_are_not_written_after_the_limit(
    engine: SqliteEngine, path: Path, claim: Claim
) -> None:
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    gate = threading.Event()

    def slow() -> Iterator[tuple[int]]:
        yield (7,)
        gate.wait(30)
        yield (8,)

    insert = "INSERT INTO big (n) VALUES (?)"
    writing = asyncio.create_task(asyncio.to_thread(connection.executemany, insert, slow()))
    try:
        assert await _freed(path, 5)
    finally:
        gate.set()
    with pytest.raises(sqlite3.OperationalError):
        await writing
    assert rows(path, "SELECT count(*) FROM big") == [(3,)]
    with pytest.raises(sqlite3.ProgrammingError):
        connection.execute("SELECT 1")


async def test_a_row_that_is_slow_to_make_does_not_keep_the_lock(
    engine: SqliteEngine, path: Path, claim: Claim
) -> None:
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    gate = threading.Event()
    connection.row_factory = lambda _, row: gate.wait(30) and row
    reading = asyncio.create_task(
        asyncio.to_thread(lambda: connection.execute("SELECT n FROM big").fetchall())
    )
    try:
        assert await _freed(path, 5, log=False)
    finally:
        gate.set()
    with pytest.raises(sqlite3.OperationalError, match=r"interrupted|not an error"):
        await reading
    assert await _freed(path, 5)


async def test_a_thread_inside_at_the_end_is_told_of(
    engine: SqliteEngine, path: Path, long: Claim
) -> None:
    transaction = engine.transactional.transaction(long)
    connection = transaction.begin()
    begun = threading.Event()

    def count() -> None:
        connection.execute("SELECT 1").fetchall()
        begun.set()
        connection.execute(ENDLESS)

    counting = asyncio.create_task(asyncio.to_thread(count))
    await asyncio.to_thread(begun.wait)
    await asyncio.sleep(0.01)
    with pytest.raises(UsageError, match="wait for it before the task returns"):
        transaction.commit(settled(long))
    # Another call on the connection may have replaced the text before Python reads it.
    with pytest.raises(sqlite3.OperationalError, match=r"interrupted|not an error"):
        await counting
    assert await _freed(path, 5)


async def test_a_backup_inside_is_refused(engine: SqliteEngine, long: Claim) -> None:
    transaction = engine.transactional.transaction(long)
    connection = transaction.begin()
    with contextlib.closing(sqlite3.connect(":memory:")) as other:
        with pytest.raises(UsageError, match=r"after ctx\.transaction"):
            connection.backup(other)
    assert transaction.commit(settled(long))


ENDS: dict[str, Callable[[Any], Any]] = {
    "a script": lambda db: db.executescript("INSERT INTO big (n) VALUES (9)"),
    "a script of a cursor": lambda db: db.cursor().executescript("SELECT 1"),
    "a script of its own cursor": lambda db: db.cursor(Mine).executescript("SELECT 1"),
    "isolation_level": lambda db: setattr(db, "isolation_level", None),
    "autocommit": lambda db: setattr(db, "autocommit", True),
    "commit()": lambda db: db.commit(),
    "rollback()": lambda db: db.rollback(),
    "close()": lambda db: db.close(),
    "COMMIT": lambda db: db.execute("COMMIT"),
    "END": lambda db: db.cursor().execute(" ;\ufeff/* to\n */ -- the\n end transaction"),
    "ROLLBACK": lambda db: db.execute("rollback"),
    "ROLLBACK TRANSACTION": lambda db: db.executemany("rollback transaction", []),
}


@pytest.mark.parametrize("how", ENDS)
async def test_ending_it_by_hand_is_refused(
    engine: SqliteEngine, path: Path, long: Claim, how: str
) -> None:
    transaction = engine.transactional.transaction(long)
    connection = transaction.begin()
    connection.execute("INSERT INTO big (n) VALUES (9)")
    with pytest.raises(UsageError, match="belongs to the job"):
        ENDS[how](connection)
    assert connection.in_transaction
    assert rows(path, "SELECT count(*) FROM big") == [(3,)]
    transaction.rollback()
    assert rows(path, "SELECT count(*) FROM big") == [(3,)]


async def test_a_part_can_be_undone(engine: SqliteEngine, path: Path, long: Claim) -> None:
    transaction = engine.transactional.transaction(long)
    connection = transaction.begin()
    connection.execute("SAVEPOINT part")
    connection.execute("INSERT INTO big (n) VALUES (9)")
    connection.execute("ROLLBACK /* only */ TO part")
    connection.execute("ROLLBACK TRANSACTION TO SAVEPOINT part")
    connection.execute("RELEASE part")
    connection.executemany("INSERT INTO big (n) VALUES (?)", [(8,)])
    assert transaction.commit(settled(long))
    assert rows(path, "SELECT n FROM big WHERE n > 3") == [(8,)]


async def test_nothing_is_written_after_a_statement_has_undone_all(
    engine: SqliteEngine, path: Path, long: Claim
) -> None:
    transaction = engine.transactional.transaction(long)
    connection = transaction.begin()
    connection.execute("CREATE UNIQUE INDEX one ON big (n)")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT OR ROLLBACK INTO big (n) VALUES (1)")
    with pytest.raises(UsageError, match="let the task fail"):
        connection.execute("INSERT INTO big (n) VALUES (9)")
    with pytest.raises(UsageError, match="belongs to the job"):
        transaction.commit(settled(long))
    assert rows(path, "SELECT count(*) FROM big") == [(3,)]
    (job,) = await engine.inspector.get([long.job.id])
    assert job.state is State.RUNNING


async def test_cursors_give_what_plain_ones_give(engine: SqliteEngine, long: Claim) -> None:
    transaction = engine.transactional.transaction(long)
    connection = transaction.begin()
    cursor = connection.execute("SELECT n FROM big ORDER BY n")
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany() == [(2,)]
    assert cursor.fetchall() == [(3,)]
    assert list(connection.execute("SELECT n FROM big WHERE n > ?", (2,))) == [(3,)]
    assert connection.execute("/**/" * 50 + "SELECT 1").fetchone() == (1,)
    with pytest.raises(UsageError, match="class"):
        connection.cursor(lambda db: sqlite3.Cursor(db))
    with contextlib.closing(connection.blobopen("big", "value", 1)) as value:
        value.write(b"12345678")
    assert transaction.commit(settled(long))


async def test_hooks_of_a_task_do_not_matter(engine: SqliteEngine, long: Claim) -> None:
    transaction = engine.transactional.transaction(long)
    connection = transaction.begin()
    connection.execute("INSERT INTO big (n) VALUES (9)")
    connection.set_progress_handler(lambda: 1, 1)
    connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    assert transaction.commit(settled(long))


async def _freed(path: Path, seconds: float, *, log: bool = True) -> bool:
    """Whether others can write before so many seconds are over, on their own connections."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if is_free(path, log=log):
            return True
        await asyncio.sleep(0.02)
    return False
