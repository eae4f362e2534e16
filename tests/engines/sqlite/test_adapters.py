"""Adapters that a program registers change nothing that is stored."""

from pathlib import Path

from tests.engines.sqlite.support import child, ended, rows

ADAPTED = """
import asyncio, sqlite3, sys
from pathlib import Path
from dutiful.core.unique import unique
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import claimed, new, settled
async def main():
    engine = SqliteEngine(Path(sys.argv[1]))
    sqlite3.register_adapter(str, str.upper)
    sqlite3.register_adapter(bytes, bytes.hex)
    sqlite3.register_adapter(int, lambda number: -number)
    sqlite3.register_adapter(float, lambda number: 0.5)
    (claim,) = await claimed(engine)
    assert (await engine.consumer.exchange("w1", [settled(claim)], None)).refused == ()
    jobs = [new(tags=("a",)), new(unique=unique("k")), new(unique=unique("k"))]
    connection = sqlite3.connect(sys.argv[1])
    receipts = engine.caller_producer.enqueue_on(connection, jobs)
    assert [receipt.created for receipt in receipts] == [True, True, False], receipts
    connection.commit()
    connection.close()
    (job,) = await engine.inspector.get([jobs[0].id])
    assert (job.task, job.args, job.tags, job.priority) == ("t", b"{}", ("a",), 0), job
    assert job.run_at > 0
    sqlite3.register_adapter(type(None), lambda _: 0)
    try:
        await engine.producer.enqueue([new()])
    except Exception as error:
        print(type(error).__name__, error)
    await engine.close()
asyncio.run(main())
"""


def test_adapters_of_plain_types_do_not_reach_what_is_stored(path: Path) -> None:
    process = child(ADAPTED, path)
    assert "UsageError the program has registered an sqlite3 adapter for None" in ended(process)
    assert rows(path, "SELECT DISTINCT task, typeof(args) FROM dutiful_job") == [("t", "blob")]
