"""Many processes on one file: nothing is lost, doubled or refused."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from dutiful.core.errors import EngineUnavailable
from dutiful.core.state import State
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import child, ended, heard, new, rows

PRODUCE = """
import sys, time
from pathlib import Path
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import new
engine = SqliteEngine(Path(sys.argv[1]))
end, count = time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < end:
    size = 1 if count % 3 else 20
    engine.sync_producer.enqueue_sync([new() for _ in range(size)])
    count += size
print(count)
"""

CONSUME = """
import asyncio, sys, time
from pathlib import Path
from dutiful.engines.sqlite import SqliteEngine
from dutiful.contract.roles.consumer import Wanted
from tests.engines.sqlite.support import settled, worker
async def main():
    engine, name = SqliteEngine(Path(sys.argv[1])), sys.argv[2]
    await engine.fleet.join(worker(name))
    ended, idle, items = [], 0, []
    while True:
        answer = await engine.consumer.exchange(name, items, Wanted(("default",), 10))
        assert not answer.refused and not answer.lost
        ended += [item.claim.job.id for item in items]
        items = [settled(claim) for claim in answer.claims]
        if not items:
            if not rest():
                break
            await engine.consumer.wait(("default",), 1)
        else:
            assert (await engine.leases.renew(name)).valid
    await engine.close()
    print(*ended)
def rest():
    import pathlib
    return not pathlib.Path(sys.argv[1] + ".stop").exists()
asyncio.run(main())
"""

ENQUEUE_AND_SAY = """
import sys
from pathlib import Path
from dutiful.engines.sqlite import SqliteEngine
from tests.engines.sqlite.support import new
engine = SqliteEngine(Path(sys.argv[1]))
while True:
    print(engine.sync_producer.enqueue_sync([new()])[0].id, flush=True)
"""


@pytest.mark.slow
def test_every_job_is_claimed_once(path: Path) -> None:
    consumers = [child(CONSUME, path, f"w{number}") for number in range(8)]
    producers = [child(PRODUCE, path, 3) for _ in range(4)]
    made = sum(int(ended(process)) for process in producers)
    Path(f"{path}.stop").touch()
    claimed = Counter(job for process in consumers for job in ended(process).split())
    assert [process.returncode for process in (*producers, *consumers)] == [0] * 12
    assert claimed.total() == len(claimed) == made
    assert rows(path, "SELECT state, count(*), max(attempt) FROM dutiful_job GROUP BY 1") == [
        (State.SUCCEEDED, made, 1)
    ]
    assert rows(path, "SELECT count FROM dutiful_tally WHERE name = 'enqueued'") == [(made,)]


def test_kill_right_after_enqueue_loses_nothing(path: Path) -> None:
    process = child(ENQUEUE_AND_SAY, path)
    told = [heard(process) for _ in range(25)]
    process.send_signal(signal.SIGKILL)
    told += ended(process).split()
    kept = {id_ for (id_,) in rows(path, "SELECT id FROM dutiful_job")}
    # The pipe may have been cut in the middle of the last id.
    assert {id_ for id_ in told if len(id_) == 36} <= kept
    assert len(kept) >= 25


async def test_stopped_writer_holds_nobody_for_ever(path: Path, engine: SqliteEngine) -> None:
    await engine.producer.enqueue([new()])
    holder = child(HOLD, path)
    assert heard(holder) == "inside"
    writer = engine.session.writer
    writer.seconds = 0.2
    with pytest.raises(EngineUnavailable, match="another process"):
        await engine.producer.enqueue([new()])
    with pytest.raises(EngineUnavailable, match="another process"):
        await asyncio.to_thread(engine.sync_producer.enqueue_sync, [new()])
    writer.seconds = 60
    waiting = asyncio.create_task(engine.producer.enqueue([new()]))
    await asyncio.sleep(0)
    os.kill(holder.pid, signal.SIGKILL)
    ended(holder)
    await waiting
    assert (await engine.inspector.tally())["enqueued"] == 2


HOLD = """
import sys
from pathlib import Path
from dutiful.engines.sqlite.connections.write_lock import FairFileLock
from dutiful.engines.sqlite.connections.run_folder import RunFolder
FairFileLock(RunFolder(Path(sys.argv[1]))).enter()
print("inside", flush=True)
sys.stdin.readline()
"""
