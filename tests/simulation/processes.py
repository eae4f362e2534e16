"""The simulated processes that run production workers, and what befalls them."""

from __future__ import annotations

import random
import traceback
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, cast

from dutiful.client.alerting import Alerting
from dutiful.client.hooks import Hooks
from dutiful.client.task import Task
from dutiful.config import Settings
from dutiful.contract.facade import Store
from dutiful.contract.roles.fleet import WorkerInfo
from dutiful.core.errors import EngineError
from dutiful.core.lease import Lease
from dutiful.core.queue import Served
from dutiful.observe.bus import Bus
from dutiful.observe.metrics.app_metrics import AppMetrics
from dutiful.services.process import Process
from dutiful.worker.options import WorkerOptions
from dutiful.worker.worker import Worker

from .auditor import Auditor
from .clocks import WorldClock
from .faults import HOUR, Plan
from .faulty import FaultyEngine
from .loop import NODE, Life, Node, SimLoop
from .network import Network
from .tasks import OLDER, TASKS
from .timetable import declared
from .weather import LIMITS, Weather

SECOND = 1_000_000
QUEUES = ("default", "bulk")


class SimApp:
    """What a worker needs of the app; one for each process."""

    def __init__(
        self,
        tasks: dict[str, Task[..., Any, Any]],
        engine: FaultyEngine,
        weather: Weather | None = None,
    ) -> None:
        self.name = "world"
        self.tasks = tasks
        self.schedules = declared(self, older=tasks is OLDER)
        self.hooks = Hooks()
        self.bus = Bus()
        self.alerting = Alerting() if weather is None else weather.alerting()
        self.settings = Settings(alerts=None if weather is None else LIMITS)
        self.store = Store(engine, self.bus.emit)
        self.metrics = AppMetrics(self.bus, tasks, cast(Any, self), lambda reading: {})

    async def ready(self) -> Store:
        return self.store

    async def open(self, **options: Any) -> tuple[str, ...]:
        return ()


class SimProcess(Process):
    """A process with a number of its own; whether another lives is the world's knowledge."""

    def __init__(self, processes: Processes, node: Node, host: str, number: int) -> None:
        self._processes = processes
        self._node = node
        self._host = host
        self._number = number
        self._sessions = 0

    def name(self) -> str:
        self._sessions += 1
        return f"{self._node.name}/{self._sessions}"

    def identity(self) -> tuple[str, int, int]:
        return self._host, self._number, 1

    def vanished(self, info: WorkerInfo) -> bool:
        return info.host == self._host and self._processes.nodes[info.pid].life is Life.DEAD


@dataclass(eq=False)
class Post:
    """A place where one worker process after another serves."""

    name: str
    host: str
    tasks: dict[str, Task[..., Any, Any]]
    options: WorkerOptions
    clock: WorldClock
    node: Node | None = None
    context: Context | None = None
    worker: Worker | None = None
    generation: int = 0


class Processes:
    """All worker processes of a world."""

    def __init__(self, loop: SimLoop, plan: Plan, rng: random.Random, auditor: Auditor) -> None:
        self.loop = loop
        self.nodes: list[Node] = []
        self.posts: list[Post] = []
        self.closing = False
        self.network: Network
        self.weather: Weather | None = None
        self.deaths = 0
        self._plan = plan
        self._rng = rng
        self._auditor = auditor
        self._base = copy_context()

    def hire(self, network: Network) -> None:
        """Open the posts; the first knows every task and serves every queue."""
        self.network = network
        rng = self._rng
        lease, beat = rng.choice(((10, 2), (10, 2), (6, 2), (5, 1)))
        if network.store.exclusive:
            # One transaction may last for half a lease, and a renewal has to wait for it.
            beat = min(beat, lease / 4)
        for number in range(rng.randint(2, 4)):
            queues = QUEUES if number == 0 or rng.random() < 0.7 else (rng.choice(QUEUES),)
            options = WorkerOptions(
                queues=tuple(Served(name, rng.randint(1, 3)) for name in queues),
                concurrency=rng.randint(2 if number == 0 else 1, 4),
                grace=round(rng.choice((0.5, 3, 20)) * SECOND),
                lease=Lease(lease * SECOND, round(beat * SECOND)),
                heartbeat_in_thread=False,
                jobs_max=rng.choice((None, None, None, 10)),
            )
            clock = WorldClock(
                self.loop,
                askew=rng.choice((0.0, 0.0, 0.4, -2.0, 90.0, HOUR, -HOUR)),
                booted=rng.uniform(0, 1e6),
                rate=rng.uniform(0.998, 1.002),
            )
            if network.store.exclusive:  # a file: everybody is on one host
                clock = WorldClock(self.loop, askew=clock.askew)
            tasks = TASKS if number == 0 or rng.random() < 0.7 else OLDER
            self.posts.append(Post(f"w{number}", f"host{number % 2}", tasks, options, clock))
        for post in self.posts:
            self.loop.call_later(rng.random() * 2, self.start, post, context=self._base)

    def start(self, post: Post) -> None:
        """Start a process at a post, unless one is there or the day is over."""
        if self.closing or (post.node is not None and post.node.life is not Life.DEAD):
            return
        post.generation += 1
        post.node = node = Node(f"{post.name}.{post.generation}")
        self.nodes.append(node)
        process = SimProcess(self, node, post.host, len(self.nodes) - 1)
        host = SimApp(post.tasks, FaultyEngine(self.network, node, post.clock), self.weather)
        host.hooks.around_attempt.append(self._auditor.watch)
        host.bus.subscribe(self._auditor.heard)
        rng = random.Random(self._rng.getrandbits(32))
        post.worker = Worker(host, post.options, clock=post.clock, rng=rng, process=process)
        post.context = self._base.copy()
        post.context.run(NODE.set, node)
        self._auditor.note(node, "process starts")
        self.loop.create_task(self._serve(post, node, post.worker), context=post.context)

    async def _serve(self, post: Post, node: Node, worker: Worker) -> None:
        try:
            ending = await worker.run()
        except EngineError as error:
            # The process ends with an exit code that is not zero, and its supervisor takes over.
            self.fall(node, f"exits broken: {error}")
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, a worker must not end of it
            trace = "".join(traceback.format_exception(error))
            self._auditor.fail(f"{node.name} ended with {error!r}\n{trace}")
        self.fall(node, f"exits: {ending}")

    def fall(self, node: Node, why: str) -> None:
        """End a process; another takes its place sooner or later, or not before the quiet."""
        if node.life is Life.DEAD:
            return
        node.life = Life.DEAD
        self.deaths += not why.startswith("exits: ")
        node.fell_at = self.loop.time()
        self._auditor.note(node, why)
        self.network.cut_off(node)
        post = next(post for post in self.posts if post.node is node)
        quiet = not self._plan.active(self.loop.time())
        delay = self._rng.choice((0.1, 1.0, 1.0, 5.0, 1e9) if not quiet else (0.1, 1.0))
        if delay < 1e9:
            self.loop.call_later(delay, self.start, post, context=self._base)

    def freeze(self, node: Node, why: str) -> None:
        """Stop a process for a while."""
        if node.life is not Life.ALIVE:
            return
        node.life = Life.FROZEN
        seconds = self._plan.frozen()
        self._auditor.note(node, f"{why}, for {seconds:.1f} s")
        self.loop.call_later(seconds, self.loop.thaw, node, context=self._base)

    def stop(self, post: Post, grace: float | None = None) -> None:
        """Tell a worker to drain, as TERM does; a process that stands still hears it later."""
        if post.context is not None:
            self.loop.call_soon(self._stop, post, post.node, grace, context=post.context)

    def _stop(self, post: Post, node: Node, grace: float | None) -> None:
        if post.node is node and post.worker is not None:
            node.stopped_at = min(node.stopped_at, self.loop.time())
            self._auditor.note(node, f"told to stop, grace {grace}")
            post.worker.stop(grace)

    def living(self) -> list[Post]:
        """Return the posts at which a process runs."""
        return [post for post in self.posts if post.node is not None and post.node.alive]

    def gather(self) -> None:
        """Bring every post back to work."""
        for post in self.posts:
            if post.node is not None:
                post.node.fuse = 0
                self.loop.thaw(post.node)
            if post.tasks is OLDER:
                # The deployment ends: who lags behind is replaced.
                post.tasks = TASKS
                self.stop(post)
            self.start(post)
