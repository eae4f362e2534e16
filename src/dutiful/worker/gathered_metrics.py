"""The metrics of a supervisor: those of its worker processes, added up."""

from __future__ import annotations

import asyncio
import socket
from asyncio import AbstractEventLoop, StreamReader, StreamWriter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial

from msgspec.structs import replace

from dutiful.observe.http_server import HttpServer
from dutiful.observe.metrics.prometheus import registry_of, rendered
from dutiful.observe.metrics.series import Point, Points, Snapshot, counts, total
from dutiful.observe.process_health import ProcessHealth

from .isolation.standard import above_standard
from .metrics_report import (
    ASK,
    ASK_WITH_STORE,
    HEADER,
    REPORT_BYTES_MAX,
    Report,
    report_of,
)

_ANSWER_SECONDS = 1.0
"""How long a request waits for processes that do not answer; then their last report counts."""
_LAST_SECONDS = 0.2
"""How long the last report may take to arrive after a process has ended."""
_STATES = ("dutiful_worker_healthy", "dutiful_worker_ready")


class ChildMetrics:
    """The supervisor's end of the socket to one worker process; for the supervisor's loop."""

    def __init__(self, process: str) -> None:
        """Open the socket; OSError where there is no descriptor left."""
        self.process = process
        self.latest: Report | None = None
        self.prompt = True
        """Whether it answered the last request in time."""
        self._ours, theirs = socket.socketpair()
        self.theirs = above_standard(theirs)
        self._writer: StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()

    async def started(self) -> None:
        """Listen from now on, and leave the child's end to the child."""
        self.theirs.close()
        self._ours.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=self._ours)
        self._listening = asyncio.create_task(self._listen(reader))

    async def ask(self, *, store: bool) -> None:
        """Ask for a report and wait for it, for a second at most."""
        if self._writer is None or self._listening is None or self._listening.done():
            self.prompt = False
            return
        self._answered.clear()
        self._writer.write(ASK_WITH_STORE if store else ASK)
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._answered.wait()
        except TimeoutError:
            self.prompt = False
        else:
            self.prompt = True

    async def close(self) -> None:
        """Take the last report of a process that has ended, and close the socket."""
        if self._listening is None:  # it was never started
            self.theirs.close()
            self._ours.close()
            return
        await asyncio.wait((self._listening,), timeout=_LAST_SECONDS)
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()

    async def _listen(self, reader: StreamReader) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            while True:
                (length,) = HEADER.unpack(await reader.readexactly(HEADER.size))
                if length > REPORT_BYTES_MAX:
                    return
                report = report_of(await reader.readexactly(length))
                if report is None:
                    return
                self.latest = report
                self._answered.set()


class GatheredMetrics:
    """Adds up what processes report, and keeps the counts of those that have ended."""

    def __init__(self) -> None:
        """Start without processes; call it on the supervisor's loop."""
        self._loop: AbstractEventLoop = asyncio.get_running_loop()
        self._children: list[ChildMetrics] = []
        self._ended: Points = {}
        self._gathering = asyncio.Lock()

    def open(self, process: str) -> ChildMetrics:
        """Prepare the socket to a process that is about to be started."""
        child = ChildMetrics(process)
        self._children.append(child)
        return child

    async def close(self, child: ChildMetrics) -> None:
        """Keep the counts of a process that has ended."""
        await child.close()
        self._children.remove(child)
        if child.latest is not None:
            self._ended = counts([self._ended, child.latest.snapshot.process])

    def snapshot(self) -> Snapshot:
        """Return the sum; call it in another thread than the loop's."""
        return self._ask(store=True)[0]

    def health(self) -> ProcessHealth:
        """Return whether a process is healthy, and whether one is ready; see `snapshot`.

        A process that hangs or crashes is ended and replaced by itself: the others must go on.
        """
        return self._ask(store=False)[1]

    def _ask(self, *, store: bool) -> tuple[Snapshot, ProcessHealth]:
        return asyncio.run_coroutine_threadsafe(self._gather(store), self._loop).result(
            3 * _ANSWER_SECONDS
        )

    async def _gather(self, store: bool) -> tuple[Snapshot, ProcessHealth]:
        async with self._gathering:
            reader = next((child for child in self._children if child.prompt), None)
            asking = [child.ask(store=store and child is reader) for child in self._children]
            await asyncio.gather(*asking)
            # One that has ended meanwhile is among the ended ones by now, and counts once.
            children = list(self._children)
            known = [child.latest for child in children if child.latest is not None]
            found = total([report.snapshot for report in known], self._ended)
            return _marked(found, children), _health(children)


@contextmanager
def gathered(listening: socket.socket | None) -> Generator[GatheredMetrics | None]:
    """Serve the sum on a bound socket for the length of a block; None where there is none."""
    if listening is None:
        yield None
        return
    metrics = GatheredMetrics()
    render = partial(rendered, registry_of(metrics.snapshot))
    server = HttpServer(listening, render, metrics.health)
    try:
        yield metrics
    finally:
        # It must not be waited for: a request that is answered there needs this loop.
        server.stop()


def _marked(found: Snapshot, children: list[ChildMetrics]) -> Snapshot:
    """Show processes that do not answer as neither healthy nor ready."""
    silent = {child.process for child in children if not child.prompt}
    process = dict(found.process)
    for name in _STATES:
        process[name] = [
            replace(point, value=0.0) if point.labels[0] in silent else point
            for point in process.get(name, ())
        ]
        missing = silent - {point.labels[0] for point in process[name]}
        process[name] += [Point((number,), 0.0) for number in sorted(missing)]
    return replace(found, process=process)


def _health(children: list[ChildMetrics]) -> ProcessHealth:
    problems: list[str] = []
    prompt: list[ProcessHealth] = []
    for child in children:
        if not child.prompt or child.latest is None:
            problems.append(f"process {child.process} does not answer")
            continue
        prompt.append(child.latest.health)
        problems += [f"process {child.process}: {text}" for text in child.latest.health.problems]
    if not children:
        problems.append("no worker process runs")
    healthy = any(one.healthy for one in prompt)
    return ProcessHealth(healthy, any(one.ready for one in prompt), tuple(problems))
