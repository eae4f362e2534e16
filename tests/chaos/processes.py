"""Real worker and producer processes, started as a user starts them, and what is done to them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos import ledger
from tests.chaos.ledger import Line
from tests.until import wait_until

ROOT = Path(__file__).parents[2]
STATES = ("scheduled", "queued", "running", "waiting", "succeeded", "dead", "cancelled")


class Member:
    """One process of the crew."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log
        self.stopped = False
        self.killed_at = 0
        self.portion = 0

    @property
    def identity(self) -> str:
        """The name by which this process is in the ledger."""
        return f"{self.name}.{self.process.pid}"

    @property
    def serves(self) -> bool:
        """Whether it has said that it takes jobs."""
        return "serves" in self.output()

    @property
    def code(self) -> int | None:
        return self.process.poll()

    def output(self) -> str:
        return self.log.read_text(errors="replace")


class Processes:
    """The processes of one run, on one store in one folder of its own."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        store: Path | None = None,
        url: str = "",
        app: str = "tests.chaos.tasks:app",
        env: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.store = store or folder / "jobs.db"
        self.url = url or f"sqlite:///{self.store}"
        self.ledger = folder / "ledger"
        self.workers: list[Member] = []
        self.producers: list[Member] = []
        self.watching: list[Member] = []
        """Those of ``dutiful watch``."""
        self.gone: list[Member] = []
        self._command = ("dutiful", "worker", app, *options)
        self._env = {
            **os.environ,
            "DUTIFUL_URL": self.url,
            "DUTIFUL_CRASHES_MAX": "60",
            "LEDGER": str(self.ledger),
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }
        self._numbers = count(1)

    def prepare(self) -> None:
        """Make the store, and the table that tasks write to in their transactions."""
        self.cli("migrate")
        self.sql("create table chaos_effect (order_no integer not null)")

    def point(self, url: str = "") -> None:
        """Let those that start from now on reach the store at another address, or at its own."""
        self._env["DUTIFUL_URL"] = url or self.url

    def start(self, workers: int = 1, *options: str, env: dict[str, str] | None = None) -> None:
        """Start workers; ``options`` come after those of the whole crew, so does ``env``."""
        for _ in range(workers):
            self.workers.append(self._spawn("w", *self._command, *options, env=env))

    def ready(self, seconds: float = 180) -> None:
        """Wait until every worker takes jobs; one that is still starting knows no SIGTERM."""
        wait_until(
            lambda: all(member.serves for member in self.workers), seconds, "all workers serve"
        )

    def start_skewed(self, seconds: int) -> Member:
        """Start a worker whose wall clock is so many seconds off."""
        member = self._spawn("w", "tests.chaos.skewed", str(seconds), *self._command[1:])
        self.workers.append(member)
        return member

    def produce(self, first: int, count: int, *rest: float) -> Member:
        """Start a producer of a range of orders: batch, pause, aimed."""
        words = (str(word) for word in (first, count, *rest))
        member = self._spawn("p", "tests.chaos.producer", *words)
        member.portion = count
        self.producers.append(member)
        return member

    def watch(self, app: str) -> Member:
        """Start ``dutiful watch``, and wait until it does."""
        member = self._spawn("v", "dutiful", "watch", "--app", app)
        self.watching.append(member)
        wait_until(lambda: "Watching " in member.output(), 180, "it watches")
        return member

    def start_producer(self, module: str, *words: str) -> None:
        """Start a producer of another kind."""
        self.producers.append(self._spawn("p", module, *words))

    def kill(self, member: Member, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill a process, tell the ledger, and wait until it is gone."""
        member.killed_at = ledger.ticks()
        member.process.send_signal(number)
        ledger.write(self.ledger, "kill", member.identity, member.killed_at)
        member.process.wait()
        self.forget(member)

    def strike(self, identity: str) -> None:
        """Kill a supervisor's child by the name that it has in the ledger."""
        ledger.write(self.ledger, "kill", identity)
        pid = int(identity.partition(".")[2])
        parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        assert int(parent) in {member.process.pid for member in self.workers}
        os.kill(pid, signal.SIGKILL)

    def stop(self, member: Member, seconds: float = 60) -> int:
        """Ask a process to end, as a deploy does, and return its exit code."""
        member.process.send_signal(signal.SIGTERM)
        code = member.process.wait(seconds)
        self.forget(member)
        return code

    def freeze(self, member: Member) -> int:
        """Stop a process as a debugger or a full host does; return when."""
        member.process.send_signal(signal.SIGSTOP)
        member.stopped = True
        return ledger.ticks()

    def thaw(self, member: Member) -> int:
        """Let a frozen process go on; return when."""
        at = ledger.ticks()
        member.process.send_signal(signal.SIGCONT)
        member.stopped = False
        return at

    def revive(self) -> list[Member]:
        """Start again those that ended by SIGKILL; anything else is an error of the worker's."""
        dead = [member for member in self.workers if member.code is not None]
        for member in dead:
            assert member.code == -signal.SIGKILL, (member.code, member.output()[-2000:])
            self.forget(member)
            self.start()
        return dead

    def lines(self) -> list[Line]:
        return ledger.read(self.ledger)

    def busy(self) -> dict[str, int]:
        """Count the jobs that each worker has begun and not ended, by the ledger's names."""
        found: Counter[str] = Counter()
        for line in self.lines():
            found[line.worker] += (line.what == "start") - (line.what == "end")
        return {worker: number for worker, number in found.items() if number > 0}

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the store's file directly: the judge does not use what it judges."""
        with closing(sqlite3.connect(self.store, timeout=60)) as connection, connection:
            return connection.execute(text, values).fetchall()

    def states(self) -> dict[str, int]:
        """Count the jobs by state."""
        rows = self.sql("select state, count(*) from dutiful_job group by state")
        return {STATES[state]: number for state, number in rows}

    def left(self) -> int:
        """Count the jobs that are not in a final state."""
        (row,) = self.sql("select count(*) from dutiful_job where state < 4")
        return int(row[0])

    def cli(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a ``dutiful`` command on this store."""
        command = [sys.executable, "-m", "dutiful", *words]
        return subprocess.run(
            command, cwd=ROOT, env=self._env, capture_output=True, text=True, timeout=60
        )

    def logs(self) -> Iterator[str]:
        """Yield what each process wrote to its standard error."""
        for log in sorted(self.folder.glob("*.log")):
            yield log.read_text(errors="replace")

    def end(self) -> None:
        """Kill whatever still runs."""
        for member in (*self.workers, *self.producers, *self.watching):
            if member.code is None:
                member.process.kill()
                member.process.send_signal(signal.SIGCONT)
            member.process.wait()

    def forget(self, member: Member) -> None:
        """Count a process among those that have ended."""
        for group in (self.workers, self.producers, self.watching):
            if member in group:
                group.remove(member)
                self.gone.append(member)

    def _spawn(
        self, letter: str, module: str, *words: str, env: dict[str, str] | None = None
    ) -> Member:
        name = f"{letter}{next(self._numbers)}"
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=ROOT,
                env={**self._env, **(env or {}), "WORKER": name},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        return Member(name, process, log)


class PostgresProcesses(Processes):
    """A crew whose store is a PostgreSQL server; the judge asks it without the engine."""

    def __init__(self, folder: Path, *options: str, asks: str = "", **more: Any) -> None:
        """The judge asks at ``asks``, when that is not where the workers do."""
        super().__init__(folder, *options, **more)
        self._asks = asks or self.url

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the server directly, however long it takes to be there again."""
        for name in ("job", "failure", "worker"):
            text = text.replace(f"dutiful_{name}", f"dutiful.{name}")
        order = "json_extract(cast(job.args as text), '$.order')"
        text = text.replace(order, "(convert_from(job.args, 'UTF8')::json ->> 'order')::int")
        return wait_until(lambda: self._asked(text, values), 60, "the server answers")[0]

    def _asked(self, text: str, values: tuple[Any, ...]) -> list[list[tuple[Any, ...]]]:
        try:
            with psycopg.connect(self._asks, connect_timeout=5) as connection:
                cursor = connection.execute(text.replace("?", "%s").encode(), values)
                return [cursor.fetchall() if cursor.description else []]
        except psycopg.OperationalError:
            return []


@contextmanager
def processes(folder: Path, *options: str, **more: Any) -> Iterator[Processes]:
    """Make a crew with a store of its own, and leave no process behind."""
    kind = PostgresProcesses if more.get("url", "").startswith("postgresql") else Processes
    made = kind(folder, *options, **more)
    made.prepare()
    try:
        yield made
    finally:
        made.end()
