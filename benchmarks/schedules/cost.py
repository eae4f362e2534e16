"""What schedules cost: ten thousand that idle, a thousand due at one instant, a preview.

    python -m benchmarks.schedules.cost                 # SQLite in a temporary folder
    python -m benchmarks.schedules.cost postgresql      # a server that it starts itself
    python -m benchmarks.schedules.cost postgresql://…  # an empty store of yours

One worker process as a user starts it. Its processor time is read from /proc; a server's
statements are those that pg_stat_database counts as transactions, its own look at them left out.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dutiful import App, Cron, Interval
from dutiful.core.instant import SECOND
from dutiful.core.rule import between
from dutiful.core.schedule import Schedule

IDLE, DUE = 10_000, 1000
WATCHED = 30.0
MODULE = """
from dutiful import App

app = App()


@app.task
def nothing() -> None: ...
"""


@contextmanager
def store(named: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        if not named:
            yield f"sqlite:///{folder}/jobs.db"
        elif named == "postgresql":
            from dutiful.servers.postgres import local_server

            with local_server(Path(folder)) as server:
                yield server.url()
        else:
            yield named


@contextmanager
def worker(url: str) -> Iterator[int]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "cost_app.py").write_text(MODULE)
        process = subprocess.Popen(
            [sys.executable, "-m", "dutiful", "worker", "cost_app:app"],
            cwd=folder,
            env={**os.environ, "DUTIFUL_URL": url},
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def transactions(url: str) -> int | None:
    if not url.startswith("postgres"):
        return None
    import psycopg

    with psycopg.connect(url.partition("?")[0]) as connection:
        row = connection.execute(
            "select xact_commit + xact_rollback from pg_stat_database "
            "where datname = current_database()"
        ).fetchone()
    return None if row is None else int(row[0])


async def put(app: App, schedules: list[Schedule]) -> None:
    for schedule in schedules:
        await app.store.schedules.put_schedule(schedule, replace=True)


async def idle(app: App, url: str) -> None:
    """Watch a worker that has ten thousand schedules and nothing to do."""
    rule = Cron("0 0 1 1 *", "Europe/Berlin")
    await put(app, [Schedule(name=f"idle-{n:05}", task="nothing", rule=rule) for n in range(IDLE)])
    with worker(url) as pid:
        # A server's connections report what they did up to ten seconds later.
        await asyncio.sleep(15)
        before, said, began = cpu(pid), transactions(url), time.monotonic()
        await asyncio.sleep(WATCHED)
        passed = time.monotonic() - began
        share = (cpu(pid) - before) / passed
        after = transactions(url)
    print(f"{IDLE:,} schedules idle: {share:.2%} of a core", end="")
    if said is not None and after is not None:
        print(f", {(after - said - 1) / passed:.1f} transactions/s", end="")
    print()


async def due(app: App, url: str) -> None:
    """Let a thousand fall due at one instant, and find when the last of their jobs was stored."""
    with worker(url):
        await asyncio.sleep(4)
        at = (int(time.time()) + 12) * SECOND
        rule = Interval(3600 * SECOND, anchor=at)
        schedules = [Schedule(name=f"due-{n:04}", task="nothing", rule=rule) for n in range(DUE)]
        await put(app, schedules)
        left = at / SECOND - time.time()
        await asyncio.sleep(left + 4)
    late = []
    for schedule in schedules:
        rows = await app.store.schedules.occurrences(schedule.name, 2)
        late += [row.recorded_at - row.planned for row in rows if row.planned == at]
    late.sort()
    print(
        f"{len(late):,} of {DUE:,} due at one instant: the first stored after "
        f"{late[0] / 1000:.0f} ms, the last after {late[-1] / 1000:.0f} ms "
        f"({left:.0f} s of notice)"
    )


def preview() -> None:
    for text in ("* * * * *", "0 9 * * MON-FRI", "0 0 LW * *"):
        began = time.perf_counter()
        found = between(Cron(text, "America/New_York"), int(time.time()) * SECOND, 1 << 62, 1000)
        took = (time.perf_counter() - began) * 1000
        print(f"preview of {len(found):,} instants of {text!r}: {took:.1f} ms")


async def main(url: str) -> None:
    app = App(url)
    async with app:
        await due(app, url)
        await idle(app, url)
    preview()


if __name__ == "__main__":
    with store(sys.argv[1] if len(sys.argv) > 1 else "") as where:
        asyncio.run(main(where))
