"""The stages of the benchmark, each through the public API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack
from pathlib import Path
from time import monotonic_ns, perf_counter

from dutiful.app import App
from dutiful.client.task import Task
from dutiful.contract.beside import beside
from dutiful.core.errors import DutifulError
from dutiful.core.state import State
from dutiful.worker.options import WorkerOptions

from .limits import Step, rates
from .marks import Marks
from .tasks import app as bench_app
from .tasks import no_op, no_op_sync, picked_up
from .worker_process import BenchWorker

Figures = dict[str, float]
Progress = Callable[[str, float], None]

_CALLERS = 100
_PICKUP_GAP = 0.05
_POLL = 0.02


class Bench:
    """One run on one store; every stage leaves its figures in ``figures``."""

    def __init__(self, url: str, folder: Path, options: WorkerOptions, tell: Progress) -> None:
        """Prepare; the store must be empty."""
        self.figures: Figures = {}
        self._url = url
        self._marks_path = folder / "marks"
        self._marks = Marks(self._marks_path)
        self._options = options
        self._tell = tell
        self._backlog = 0
        bench_app.at(url)
        self.app: App = bench_app

    async def enqueue_one(
        self, seconds: float, commits: Callable[[], AbstractContextManager[Step | None]]
    ) -> None:
        """Enqueue one at a time from one sync caller, then from 100 concurrent async callers.

        The one caller takes turns with a bare commit of the store's own, if there is one.
        """
        self._tell("enqueue one at a time", 0)
        paused = no_op.using(queue="bench-one")

        def enqueue() -> int:
            paused.enqueue(1)
            return 1

        def measure() -> list[float]:
            with commits() as commit:
                return rates(seconds, enqueue, *([commit] if commit else []))

        one, *bare = await beside(measure)
        self.figures["enqueue_one_per_s"] = one
        if bare:
            self.figures["limit_commit_per_s"] = bare[0]
            self.figures["enqueue_one_ratio"] = one / bare[0]
        self._tell("enqueue from 100 callers", 0.5)
        end = perf_counter() + seconds
        done = 0

        async def caller() -> None:
            nonlocal done
            while True:  # at least once, so that the figure is never none
                await paused.aenqueue(1)
                done += 1
                if perf_counter() >= end:
                    return

        started = perf_counter()
        await asyncio.gather(*(caller() for _ in range(_CALLERS)))
        self.figures["enqueue_100_callers_per_s"] = done / (perf_counter() - started)

    async def enqueue_many(self, task: Task[[int], object, int], jobs: int) -> None:
        """Enqueue the whole backlog in one streamed call."""
        self._tell("enqueue many", 0)
        started = perf_counter()
        await self.app.aenqueue_many(task.job(number) for number in range(jobs))
        self.figures["enqueue_many_per_s"] = jobs / (perf_counter() - started)

    async def consume(
        self, task: Task[[int], object, int], jobs: int, name: str, workers: int = 1
    ) -> None:
        """Start workers on a backlog and time it from the first start to the last.

        Raises DutifulError when a worker dies, or when not every job has succeeded afterwards.
        """
        self._marks.reset()
        folder = self._marks_path.parent
        others = [folder / f"marks-{number}" for number in range(1, workers)]
        marks = [self._marks, *map(Marks, others)]
        peak = 0.0
        async with AsyncExitStack() as stack:
            running = [
                await stack.enter_async_context(BenchWorker(self._url, path, self._options))
                for path in (self._marks_path, *others)
            ]
            while (count := sum(one.read()[0] for one in marks)) < jobs:
                if not all(worker.alive for worker in running):
                    raise DutifulError("the benchmark's worker died; run it by hand to see why")
                self._tell(f"consume {task.name}", count / jobs)
                if count:
                    peak = max(peak, running[0].rss_mb())
                await asyncio.sleep(_POLL)
        times = [one.read() for one in marks]
        first = min(first for count, first, _ in times if count)
        last = max(last for _, _, last in times)
        self.figures[f"{name}_per_s"] = jobs / max((last - first) / 1e9, 1e-9)
        if name == "consume":
            self.figures["cpu_s_per_1000_jobs"] = running[0].cpu_seconds * 1000 / jobs
            self.figures["rss_mb"] = peak
        for one in marks[1:]:
            one.close()
        await self._audit()

    async def _audit(self) -> None:
        """Raise DutifulError unless every job either succeeded or waits in its queue."""
        counts = await self.app.store.inspector.queues()
        ended = next(one.counts for one in counts if one.queue == "default")
        fine = (State.SUCCEEDED, State.QUEUED)
        bad = {state.word: number for state, number in ended.items() if state not in fine}
        if bad or (ended.get(State.QUEUED) and not self._backlog):
            raise DutifulError(f"not every job has succeeded after the run: {bad or ended}")

    async def behind(self, task: Task[[int], object, int], backlog: int, jobs: int) -> None:
        """Run some jobs with a long backlog behind them, and compare."""
        self._backlog = backlog
        self._tell(f"enqueue a backlog of {backlog:,}", 0)
        await self.app.aenqueue_many(task.job(number) for number in range(backlog))
        await self.consume(task, jobs, "consume_with_backlog")
        ratio = self.figures["consume_with_backlog_per_s"] / self.figures["consume_per_s"]
        self.figures["backlog_ratio"] = ratio

    async def pickup(self, times: int) -> None:
        """Enqueue into an idle worker in another process and note how soon each job starts."""
        self._marks.reset()
        async with BenchWorker(self._url, self._marks_path, self._options) as worker:
            await self._awake()
            for number in range(times):
                self._tell("pickup", number / times)
                await picked_up.aenqueue(monotonic_ns())
                await asyncio.sleep(_PICKUP_GAP)
            await asyncio.sleep(1)
            self._tell("idle", 0)
            self.figures["idle_cpu_share"] = await worker.idle_share(3)
            self.figures["idle_rss_mb"] = worker.rss_mb()
        delays = [delay for delay in self._marks.delays(times) if delay > 0]
        self.figures["pickup_ms_p50"] = delays[len(delays) // 2]
        self.figures["pickup_ms_p99"] = delays[int(len(delays) * 0.99)]

    async def close(self) -> None:
        """Close the store and the marks."""
        await self.app.close()
        self._marks.close()

    async def _awake(self) -> None:
        """Wait until the worker has run a first job."""
        await picked_up.aenqueue(monotonic_ns())
        while not self._marks.read()[0]:  # noqa: ASYNC110 - another process marks it
            await asyncio.sleep(_POLL)


def task_of(kind: str) -> Task[[int], object, int]:
    """Return the benchmark's task that runs on the loop (``async``) or in a thread (``sync``)."""
    return no_op if kind == "async" else no_op_sync  # type: ignore[return-value]  # R differs
