"""The child processes of a measurement, and the processor time that they and the server use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")
READY_SECONDS = 60.0


class Broken(Exception):
    """A system did not do what was asked of it."""


class Processes:
    """Starts the parts of one system in its own environment."""

    def __init__(self, python: Path, module: str, folder: Path) -> None:
        """Prepare; nothing is started yet."""
        self._command = [str(python), str(HERE / "workload.py"), module]
        self._folder = folder

    def workload(self, url: str, part: str, *arguments: float, marks: Path | None = None) -> Any:
        """Run one part to its end and return what it printed; Broken with its last words."""
        command = [*self._command, part, *map(json.dumps, arguments)]
        environ = self._environ(url, marks or self._folder)
        log = self._folder / "producer.log"
        with log.open("w") as errors:
            done = subprocess.run(
                command,
                env=environ,
                cwd=HERE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                timeout=180,
                check=False,
            )
        if done.returncode:
            raise Broken(f"{part} failed: {last_words(log)}")
        return json.loads(done.stdout.splitlines()[-1])

    def workers(self, url: str, count: int, marks: Path) -> Workers:
        """Return so many worker processes, for the length of a ``with`` block."""
        log = self._folder / "worker.log"
        return Workers([*self._command, "work"], self._environ(url, marks), (count, marks, log))

    def _environ(self, url: str, marks: Path) -> dict[str, str]:
        extra = {"PEERS_URL": url, "PEERS_MARKS": str(marks), "PYTHONDONTWRITEBYTECODE": "1"}
        return {**os.environ, **extra}


class Workers:
    """Worker processes that start together and are killed at the end."""

    def __init__(
        self, command: list[str], environ: dict[str, str], given: tuple[int, Path, Path]
    ) -> None:
        """Prepare; nothing is started yet."""
        self._command, self._environ = command, environ
        self._count, self._marks, self._log = given
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Workers:
        """Start them, and let them go when all have loaded what they need."""
        with self._log.open("w") as log:
            self._processes = [
                subprocess.Popen(
                    self._command,
                    env=self._environ,
                    cwd=HERE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                for _ in range(self._count)
            ]
        deadline = time.monotonic() + READY_SECONDS
        try:
            while len(list(self._marks.glob("*.ready"))) < self._count:
                self.check()
                if time.monotonic() > deadline:
                    raise Broken(f"no worker came up: {last_words(self._log)}")
                time.sleep(0.005)
        except BaseException:
            self._kill()
            raise
        (self._marks / "go").touch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill them: their work is recorded by now, so nothing is owed to them."""
        self._kill()

    def check(self) -> None:
        """Raise Broken with a worker's last words when it has ended."""
        if any(process.poll() is not None for process in self._processes):
            raise Broken(f"a worker ended: {last_words(self._log)}")

    def cpu_seconds(self) -> float:
        """Return the processor time that they and their children have used so far."""
        return sum(tree_seconds(process.pid) for process in self._processes)

    def words(self) -> str:
        """Return the end of what they logged."""
        return last_words(self._log)

    def _kill(self) -> None:
        for process in self._processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def tree_seconds(pid: int) -> float:
    """Return the processor time of a process and of all that descend from it, ended ones too."""
    parents: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        child = int(path.parent.name)
        parents.setdefault(int(fields[1]), []).append(child)
        ticks[child] = sum(map(int, fields[11:15]))
    found, todo = 0, [pid]
    while todo:
        one = todo.pop()
        found += ticks.get(one, 0)
        todo += parents.get(one, [])
    return found / TICK


def last_words(log: Path) -> str:
    """Return the last lines of a log, in one line."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return " / ".join(line.strip() for line in lines[-4:])[-600:] or "it said nothing"
