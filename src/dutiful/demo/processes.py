"""The demo's child processes: a gateway and workers that are started, killed and cleaned up."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dutiful.demo.failure import DemoFailed

START_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 10.0
LOG_LINES = 15
LAUNCHER = "dutiful.demo.launch"

Condition = Literal["working", "killed", "stopped", "crashed"]


class ChildFailed(DemoFailed):
    """A process of the demo ended by itself; its last output is in the message."""

    def __init__(self, what: str, child: ShopProcess) -> None:
        """Say what happened, and quote the end of the child's output."""
        super().__init__(f"{what}\n{child.last_lines()}".rstrip())


class ShopProcess:
    """One process and what became of it."""

    def __init__(self, name: str, process: Process, log: Path) -> None:
        """Name it; its errors are being written to ``log``."""
        self.name = name
        self.process = process
        self.log = log
        self.killed = False
        self.stopping = False

    @property
    def pid(self) -> int:
        """Its process number; the command keeps that of the launcher."""
        return self.process.pid

    @property
    def condition(self) -> Condition:
        """Whether it works, and if not, why."""
        if self.killed:
            return "killed"
        if self.process.returncode is None:
            return "working"
        return "stopped" if self.stopping else "crashed"

    def last_lines(self) -> str:
        """Return the end of its output."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(lines[-LOG_LINES:])


class Processes:
    """Starts children in sessions of their own, so that a Ctrl-C reaches only the demo."""

    def __init__(self, folder: Path, shop: Path, url: str, life: int) -> None:
        """Keep logs in ``folder``, import from ``shop``; no child outlives ``life`` seconds."""
        self.folder = folder
        # Settings of the user's own are left out: they belong to other work than the demo's.
        kept = {name: text for name, text in os.environ.items() if not name.startswith("DUTIFUL_")}
        path = os.pathsep.join(filter(None, (str(shop), kept.get("PYTHONPATH"))))
        self.environment = {
            **kept,
            "DUTIFUL_URL": url,
            "PYTHONPATH": path,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.life = life
        self.workers: list[ShopProcess] = []
        self._children: list[ShopProcess] = []

    async def start_gateway(self, ledger: Path, seed: int) -> str:
        """Start the gateway and return its host and port."""
        child = await self._start(
            "gateway",
            ["dutiful.demo.gateway", "--ledger", str(ledger), "--seed", str(seed)],
            stdout=True,
        )
        line = b""
        if child.process.stdout is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS_MAX):
                    line = await child.process.stdout.readline()
        if not line.startswith(b"http://"):
            raise ChildFailed("the gateway did not start", child)
        address = line.decode().strip().removeprefix("http://")
        self.environment["GATEWAY"] = address
        return address

    async def start_worker(self, app: str, slots: int) -> ShopProcess:
        """Start one more worker."""
        number = len(self.workers) + 1
        arguments = ["dutiful", "worker", "--app", app, "-Q", "payments,books", "-c", str(slots)]
        child = await self._start(f"worker {number}", arguments)
        self.workers.append(child)
        return child

    def kill(self, child: ShopProcess) -> None:
        """End a child by SIGKILL, as the kernel does when memory runs out."""
        child.killed = True
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(signal.SIGKILL)

    def check(self) -> None:
        """Raise ChildFailed when a child has ended that the demo did not end."""
        for child in self._children:
            if child.condition == "crashed":
                code = child.process.returncode
                raise ChildFailed(f"{child.name} ended with code {code}", child)

    async def drain(self) -> None:
        """Ask the workers to finish; those that do not are killed."""
        alive = [child for child in self.workers if child.condition == "working"]
        for child in alive:
            child.stopping = True
            child.process.send_signal(signal.SIGTERM)
        await self._gone(alive)

    async def close(self) -> None:
        """Kill whatever is left and wait until it is gone."""
        alive = [child for child in self._children if child.process.returncode is None]
        for child in alive:
            child.stopping = True
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(signal.SIGKILL)
        await self._gone(alive)

    async def _gone(self, children: Sequence[ShopProcess]) -> None:
        for child in children:
            try:
                async with asyncio.timeout(STOP_SECONDS_MAX):
                    await child.process.wait()
            except TimeoutError:
                self.kill(child)

    async def _start(
        self, name: str, module: Sequence[str], *, stdout: bool = False
    ) -> ShopProcess:
        """Start ``python -m module...`` by the launcher, so that it ends with the demo."""
        log = self.folder / f"{name.replace(' ', '-')}.log"
        launcher = [sys.executable, "-m", LAUNCHER, str(os.getpid()), str(self.life)]
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *launcher,
                *(sys.executable, "-m"),
                *module,
                cwd=self.folder,
                env=self.environment,
                stdin=DEVNULL,
                stdout=PIPE if stdout else file,
                stderr=file,
                start_new_session=True,
            )
        child = ShopProcess(name, process, log)
        self._children.append(child)
        return child
