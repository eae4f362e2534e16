"""A task's writes and its job's completion: both or neither."""

import asyncio
import contextvars
import signal
import sqlite3
from pathlib import Path

import pytest

from dutiful.contract.roles.consumer import Wanted
from dutiful.core.errors import UsageError
from dutiful.core.instant import SECOND
from dutiful.core.outcome import Crashed, Failed
from dutiful.core.state import State
from dutiful.engines.sqlite import SqliteEngine
from dutiful.engines.sqlite.connections import write_lock
from dutiful.engines.sqlite.connections.write_lock import FairFileLock
from dutiful.testing.conformance.moves import hand
from tests.engines.sqlite.support import child, claimed, ended, heard, new, rows, settled

DIE = """
import asyncio, sys
from pathlib import Path
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import claimed, settled
async def main():
    engine = SqliteEngine(Path(sys.argv[1]))
    (claim,) = await claimed(engine)
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    connection.execute("CREATE TABLE ledger (line TEXT)")
    connection.execute("INSERT INTO ledger VALUES ('done')")
    if sys.argv[2] == "after":
        assert transaction.commit(settled(claim))
    print("there", flush=True)
    sys.stdin.readline()
asyncio.run(main())
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_leaves_both_or_neither(path: Path, moment: str) -> None:
    process = child(DIE, path, moment)
    assert heard(process) == "there"
    process.send_signal(signal.SIGKILL)
    ended(process)
    done = moment == "after"
    state = State.SUCCEEDED if done else State.RUNNING
    assert rows(path, "SELECT state FROM dutiful_job") == [(state,)]
    tables = rows(path, "SELECT count(*) FROM sqlite_master WHERE name = 'ledger'")
    assert tables == [(int(done),)]
    engine = SqliteEngine(path)
    engine.sync_producer.enqueue_sync([new()])
    engine.session.close()


async def test_stale_claim_undoes_the_writes(engine: SqliteEngine, path: Path) -> None:
    (claim,) = await claimed(engine)
    await engine.consumer.exchange("w1", [settled(claim, Crashed("gone"))], None)
    transaction = engine.transactional.transaction(claim)
    transaction.begin().execute("CREATE TABLE ledger (line TEXT)")
    assert not transaction.commit(settled(claim))
    assert rows(path, "SELECT 1 FROM sqlite_master WHERE name = 'ledger'") == []
    transaction.rollback()


async def test_with_block_does_not_commit(engine: SqliteEngine, path: Path) -> None:
    (claim,) = await claimed(engine)
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    with connection:
        connection.execute("CREATE TABLE ledger (line TEXT)")
    transaction.rollback()
    assert rows(path, "SELECT 1 FROM sqlite_master WHERE name = 'ledger'") == []


async def test_users_factories_do_not_matter(engine: SqliteEngine) -> None:
    (claim,) = await claimed(engine)
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    connection.row_factory = sqlite3.Row
    connection.text_factory = bytes
    assert transaction.commit(settled(claim))


async def test_enqueue_inside_is_told_what_to_do(engine: SqliteEngine) -> None:
    (claim,) = await claimed(engine)
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    with pytest.raises(UsageError, match="connection="):
        engine.sync_producer.enqueue_sync([new()])
    with pytest.raises(UsageError, match="connection="):
        await engine.producer.enqueue([new()])
    engine.caller_producer.enqueue_on(connection, [new()])
    assert transaction.commit(settled(claim))
    await engine.producer.enqueue([new()])
    assert (await engine.inspector.tally())["enqueued"] == 3


async def test_error_with_unwritable_text_is_kept(engine: SqliteEngine) -> None:
    (claim,) = await claimed(engine)
    outcome = Failed("OSError", "no file '\udcff'", "Traceback \udcff")
    answer = await engine.consumer.exchange("w1", [settled(claim, outcome)], None)
    assert answer.refused == ()
    (error,) = await engine.inspector.errors(claim.job.id)
    assert error.message == "no file '\\udcff'"


async def test_long_transaction_loses_no_worker(engine: SqliteEngine) -> None:
    (claim,) = await claimed(engine)
    transaction = engine.transactional.transaction(claim)
    transaction.begin()
    renewal = asyncio.create_task(engine.leases.renew("w1"))
    await asyncio.sleep(0.05)
    assert not renewal.done()
    transaction.rollback()
    assert (await renewal).valid


async def test_a_renewal_waits_for_one_transaction_only(
    engine: SqliteEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, waiting = asyncio.Queue[None](), asyncio.Queue[None]()
    loop, lock, wait = asyncio.get_running_loop(), write_lock._flock, FairFileLock._wait

    def locks(file: int, flags: int = 0) -> None:
        lock(file, flags)
        if not flags:
            loop.call_soon_threadsafe(locked.put_nowait, None)

    def waits(self: FairFileLock, *files: int, without_limit: bool) -> int:
        loop.call_soon_threadsafe(waiting.put_nowait, None)
        return wait(self, *files, without_limit=without_limit)

    (claim,) = await claimed(engine)
    first, second = (
        engine.transactional.transaction(claim),
        engine.transactional.transaction(claim),
    )
    first.begin()
    monkeypatch.setattr(FairFileLock, "_wait", waits)
    monkeypatch.setattr(write_lock, "_flock", locks)
    aside = contextvars.Context()
    begun = asyncio.create_task(asyncio.to_thread(second.begin), context=aside)
    await waiting.get()
    await locked.get()  # the second holds the entry lock of the lock it waits for
    renewal = asyncio.create_task(engine.leases.renew("w1"), context=aside)
    await waiting.get()
    await locked.get()  # so does the renewal, of the writers'
    first.rollback()
    # Behind the second it would wait indefinitely: that one ends only after it.
    assert (await asyncio.wait_for(renewal, 30)).valid
    await begun
    second.rollback()


async def test_the_write_lock_is_taken_from_a_task_that_holds_it_for_too_long(
    engine: SqliteEngine, path: Path
) -> None:
    await engine.producer.enqueue([new()])
    await engine.fleet.join(hand("brief", lease=SECOND // 5))
    (claim,) = (await engine.consumer.exchange("brief", [], Wanted(("default",), 1))).claims
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    connection.execute("CREATE TABLE ledger (line TEXT)")
    # Somebody else's enqueue waits until the lock is free again.
    await asyncio.create_task(engine.producer.enqueue([new()]), context=contextvars.Context())
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("INSERT INTO ledger VALUES ('late')")
    with pytest.raises(UsageError, match=r"open for longer than 0\.1 s"):
        transaction.commit(settled(claim))
    transaction.rollback()
    assert rows(path, "SELECT 1 FROM sqlite_master WHERE name = 'ledger'") == []


async def test_a_statement_that_runs_too_long_is_interrupted(engine: SqliteEngine) -> None:
    await engine.producer.enqueue([new()])
    await engine.fleet.join(hand("brief", lease=SECOND // 5))
    (claim,) = (await engine.consumer.exchange("brief", [], Wanted(("default",), 1))).claims
    transaction = engine.transactional.transaction(claim)
    connection = transaction.begin()
    endless = (
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    )
    with pytest.raises(sqlite3.OperationalError, match="interrupted"):
        connection.execute(endless).fetchall()
    with pytest.raises(UsageError, match="do the slow part before it"):
        transaction.commit(settled(claim))
    transaction.rollback()
