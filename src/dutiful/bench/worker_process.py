"""The worker process that the benchmark measures."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path
from time import perf_counter

import msgspec

from dutiful.worker.options import WorkerOptions
from dutiful.worker.serve import ORDERS, Orders

from .tasks import MARKS

_TARGET = "dutiful.bench.tasks:app"


class BenchWorker:
    """One worker process of default settings, for the length of an ``async with`` block."""

    def __init__(self, url: str, marks: Path, options: WorkerOptions) -> None:
        """Prepare; nothing is started yet."""
        self._orders = msgspec.json.encode(Orders(_TARGET, url, options)).decode()
        self._environ = {**os.environ, MARKS: str(marks), "DUTIFUL_URL": url}
        self._process: asyncio.subprocess.Process | None = None
        self.cpu_seconds = 0.0
        """User and system time of the process, known after it has ended."""

    async def __aenter__(self) -> BenchWorker:
        """Start the process."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "dutiful.worker.serve",
            env={**self._environ, ORDERS: self._orders},
            stderr=asyncio.subprocess.DEVNULL,
        )
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop it and count what it used."""
        process = self._process
        if process is None:
            return
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu_seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.returncode is None

    def rss_mb(self) -> float:
        """Return its resident memory in MiB."""
        pages = int(self._proc("statm").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def cpu_now(self) -> float:
        """Return the seconds of processor time that it has used so far."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def idle_share(self, seconds: float) -> float:
        """Return the share of one core that it uses while nothing happens."""
        before, started = self.cpu_now(), perf_counter()
        await asyncio.sleep(seconds)
        return (self.cpu_now() - before) / (perf_counter() - started)

    def _proc(self, name: str) -> str:
        pid = self._process.pid if self._process else 0
        return Path(f"/proc/{pid}/{name}").read_text()
