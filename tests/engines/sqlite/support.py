"""What the SQLite tests share: jobs, workers, child processes and plans of the query planner."""

import os
import random
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

from dutiful.contract.roles.consumer import Wanted
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.core.job import Claim, NewJob
from dutiful.core.outcome import Outcome, Succeeded
from dutiful.core.settle import Rules, Settlement, settle
from dutiful.engines.sqlite import SqliteEngine

WANTED = Wanted(("default",), 1000)


def new(**fields: Any) -> NewJob:
    stamp = time.time_ns() // 1_000_000 << 80 | int.from_bytes(os.urandom(9), "big")
    return NewJob(**{"id": str(uuid.UUID(int=stamp)), "task": "t", "args": b"{}", **fields})


def worker(name: str = "w1", lease: int = 10_000_000) -> WorkerInfo:
    return WorkerInfo(id=name, queues=("default",), concurrency=10, lease=lease)


def settled(claim: Claim, outcome: Outcome | None = None) -> Settlement:
    rng = random.Random(1)
    return settle(claim, outcome or Succeeded(b"1"), time.time_ns() // 1000, rng, Rules())


async def claimed(engine: SqliteEngine, count: int = 1) -> tuple[Claim, ...]:
    await engine.fleet.join(worker())
    await engine.producer.enqueue([new() for _ in range(count)])
    return (await engine.consumer.exchange("w1", [], Wanted(("default",), count))).claims


def child(script: str, *args: object) -> subprocess.Popen[str]:
    """Run a script that says what it has to say in lines."""
    command = [sys.executable, "-W", "error", "-c", script, *map(str, args)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def heard(process: subprocess.Popen[str]) -> str:
    """Return the next line of a child; an empty one when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for the end and return what was left to read."""
    rest, _ = process.communicate()
    return rest


def rows(path: Path, query: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
