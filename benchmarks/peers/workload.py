"""Plays one part for one system, in that system's own environment: ``workload.py SYSTEM PART``.

The parts are the same for all: install, enqueue, fill, pickup, work. What a system does for each
stands in its file of ``systems``. Standard library only, so that every environment can run it.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import inspect
import json
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

from marks import Marks

BATCH = 1000
WARM_UP = 20
_PR_SET_PDEATHSIG = 1


class System(Protocol):
    """What a file of ``systems`` offers; each function is sync or async, as the system is."""

    def install(self) -> Any:
        """Make the tables in an empty store."""

    def open(self) -> Any:
        """Connect a producer."""

    def enqueue(self, number: int) -> Any:
        """Enqueue one job, whose body is ``marks.hit(number)``; it is stored on return."""

    def enqueue_many(self, numbers: list[int]) -> Any:
        """Enqueue a batch in one call; a system without such a call leaves this out."""

    def work(self) -> Any:
        """Run a worker until the process is killed."""


class Producer:
    """Enqueues the same way for all: one caller, one call after another."""

    def __init__(self, system: System) -> None:
        """Prepare; connect with ``open``."""
        self._system = system
        self._sleep = asyncio.sleep if on_loop(system.enqueue) else time.sleep
        self._many = getattr(system, "enqueue_many", None)
        self._next = 0

    async def open(self) -> None:
        """Connect."""
        await _answer(self._system.open())

    async def enqueue(self, seconds: float) -> dict[str, Any]:
        """Measure jobs a second, one at a time and in batches, for so long each."""
        for _ in range(WARM_UP):
            await self._one()
        found: dict[str, Any] = {"one_per_s": await _rate(self._one, seconds)}
        if self._many:
            await self._batch(BATCH)
            found["bulk_per_s"] = await _rate(lambda: self._batch(BATCH), seconds)
        return found

    async def fill(self, jobs: int, seconds: float) -> dict[str, Any]:
        """Store so many jobs, or as many as can be stored in this time, as fast as it goes."""
        end = time.perf_counter() + seconds
        while self._next < jobs and time.perf_counter() < end:
            if self._many:
                await self._batch(min(BATCH, jobs - self._next))
            else:
                await self._one()
        return {"jobs": self._next}

    async def pickup(self, first: int, end: int, gap: float) -> dict[str, Any]:
        """Enqueue jobs of these numbers now and then, at uneven moments, and note when."""
        self._next = first
        notes = Marks(Path(os.environ["PEERS_MARKS"]) / "enqueued")
        dice = random.Random(1)
        for number in range(first, end):
            pause = gap * dice.uniform(0.5, 1.5)
            await _answer(self._sleep(pause))
            notes.hit(number)
            await self._one()
        return {}

    async def _one(self) -> int:
        await _answer(self._system.enqueue(self._next))
        self._next += 1
        return 1

    async def _batch(self, size: int) -> int:
        assert self._many is not None
        await _answer(self._many(list(range(self._next, self._next + size))))
        self._next += size
        return size


def on_loop(function: Callable[..., Any]) -> bool:
    """Whether a system's function needs an event loop."""
    return inspect.iscoroutinefunction(function)


async def _answer(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def _rate(step: Callable[[], Awaitable[int]], seconds: float) -> float:
    done, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < seconds:
        done += await step()
    return done / passed


def run(work: Coroutine[Any, Any, Any], *, loop: bool) -> Any:
    """Run a coroutine; a sync system's never waits, and gets no loop around it."""
    if loop:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(work)
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("a sync system has waited")


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _at_the_line() -> None:
    """Wait until every worker of the stage has been imported, so that they start together."""
    folder = Path(os.environ["PEERS_MARKS"])
    (folder / f"{os.getpid()}.ready").touch()
    while not (folder / "go").exists():
        time.sleep(0.002)


def main() -> None:
    """Play the part that the command line names and print what came out, as JSON."""
    name, part, *given = sys.argv[1:]
    # The tasks' own module, so that producer and worker know the job by the same name.
    system: Any = importlib.import_module(f"systems.{name}")
    arguments = [json.loads(word) for word in given]
    if part in ("install", "work"):
        function = getattr(system, part)
        if part == "work":
            # It must not outlive a measurement that was killed.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            _at_the_line()
        run(_answer(function()), loop=True) if on_loop(function) else function()
        print(json.dumps({"python": sys.version.split()[0]}))
        return
    producer = Producer(system)

    async def produce() -> Any:
        await producer.open()
        return await getattr(producer, part)(*arguments)

    found = run(produce(), loop=on_loop(system.enqueue))
    print(json.dumps(found), flush=True)
    # Some systems leave threads behind that would hold the interpreter up.
    os._exit(0)


if __name__ == "__main__":
    main()
