"""An event loop on which time is a number and every step belongs to a simulated process.

A process that is killed never runs another step: no `finally` block, as after ``kill -9``. The
steps of one that is frozen are kept until it thaws, as between SIGSTOP and SIGCONT. Both can
fall between any two steps. Steps that are ready run in the order in which they came, which
asyncio promises; what interleaves processes is the time that things take.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")
Aside = Callable[[Callable[[], Any], Callable[[Any], None]], None]


class Stalled(Exception):
    """Nothing can ever happen again, and what was waited for has not happened."""


class Life(Enum):
    """What a process is doing."""

    ALIVE = "alive"
    FROZEN = "frozen"
    DEAD = "dead"


class Node:
    """A simulated process: its steps are those whose context carries it."""

    __slots__ = (
        "fell_at",
        "fuse",
        "kept",
        "life",
        "name",
        "on_fuse",
        "stopped_at",
        "thawed_at",
        "thaws",
        "troubled_at",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.life = Life.ALIVE
        self.kept: list[Step] = []
        """Steps that came while it was frozen, or dead: kept, so that nothing is collected."""
        self.fuse = 0
        """After so many further steps of its own, ``on_fuse`` is called; 0 means never."""
        self.on_fuse: Callable[[], None] | None = None
        self.stopped_at = float("inf")
        """When it was told to stop; what it does in the same moment may have begun before."""
        self.thaws = 0
        """How often it was frozen and came back."""
        self.thawed_at = float("-inf")
        """When it last came back."""
        self.troubled_at = float("-inf")
        """When the store last failed it, or kept it waiting."""
        self.fell_at = -1.0
        """When it died."""

    @property
    def alive(self) -> bool:
        return self.life is Life.ALIVE


NODE: ContextVar[Node | None] = ContextVar("simulated_process", default=None)


class Step:
    """One call that the loop is to make; stands in for `asyncio.Handle`."""

    __slots__ = ("args", "callback", "context", "node", "off", "parked", "place")

    def __init__(self, callback: Callable[..., Any], args: tuple[Any, ...], context: Context):
        self.callback = callback
        self.args = args
        self.context = context
        self.node = context.get(NODE)
        self.off = False
        self.parked = False
        """Whether it waited for its process to thaw."""
        self.place = 0.0

    def cancel(self) -> None:
        self.off = True

    def cancelled(self) -> bool:
        return self.off

    def when(self) -> float:
        return self.place


class SimTask(asyncio.Task[Any]):
    """A task whose place in a set does not hang on its address, which differs between runs."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class SimLoop(asyncio.AbstractEventLoop):
    """Runs steps in order and, when none is ready, moves time to the next timer."""

    def __init__(self, rng: random.Random) -> None:
        self.current: Step | None = None
        self.troubles: list[str] = []
        """What the loop was told of, such as exceptions that nobody retrieved."""
        self.steps = 0
        self.broken: BaseException | None = None
        """Set to end the run at once."""
        self.tasks: list[asyncio.Task[Any]] = []
        self.aside: Aside = _at_once
        """How a call that may block is made, and where its result goes."""
        self._rng = rng
        self._now = 0.0
        self._ready: deque[Step] = deque()
        self._timers: list[tuple[float, int, Step]] = []
        self._count = 0
        self._running = False

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Step:
        step = Step(callback, args, copy_context() if context is None else context)
        self._ready.append(step)
        return step

    call_soon_threadsafe = call_soon

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Step:
        step = Step(callback, args, copy_context() if context is None else context)
        step.place = when
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, step))
        return step

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> Step:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Any = None
    ) -> asyncio.Task[T]:
        task = SimTask(coro, loop=self, name=name or "", context=context)
        task.number = len(self.tasks)
        self.tasks.append(task)
        return task

    def get_task_factory(self) -> Any:
        return None

    def set_task_factory(self, factory: Any) -> None:
        """Leave tasks as they are: the bodies of this world do not exit."""

    def run_in_executor(
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run the call as a step of its own after a moment, so that a crash can fall around it."""
        future = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - carried to whoever awaits
                self.soon(_fail, future, error)
            else:
                self.soon(_resolve, future, result)

        self.soon(work)
        return future

    def soon(self, call: Callable[..., Any], *args: Any, longest: float = 0.0) -> None:
        """Call after the moment that a thread takes to be scheduled, and now and then later."""
        late = longest * self._rng.random() if longest and self._rng.random() < 0.1 else 0.0
        self.call_later(self._rng.random() * 0.002 + late, call, *args)

    def run(self, main: asyncio.Future[Any], steps_max: int) -> None:
        """Make steps until ``main`` is done, something broke, or nothing is left to do."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        self._running = True
        try:
            while not main.done() and self.broken is None:
                self._once()
                if self.steps > steps_max:
                    raise Stalled(f"{steps_max} steps were made without an end")
        finally:
            self._running = False
            asyncio._set_running_loop(before)

    def thaw(self, node: Node) -> None:
        """Let a frozen process go on with everything that came meanwhile."""
        if node.life is Life.FROZEN:
            node.life = Life.ALIVE
            node.thaws += 1
            node.thawed_at = self._now
            for step in node.kept:
                step.parked = True
            self._ready.extend(node.kept)
            node.kept.clear()

    def close(self) -> None:
        """Let go of what has not ended, silently: most of it belongs to killed processes."""
        for task in self.tasks:
            if not task.done():
                task._log_destroy_pending = False
                _close(task.get_coro())
        self.tasks.clear()
        self._ready.clear()
        self._timers.clear()

    def is_running(self) -> bool:
        return self._running

    def is_closed(self) -> bool:
        return False

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.troubles.append(f"{context.get('message')}: {context.get('exception')!r}")

    def _once(self) -> None:
        """Take the next step, or move time on to it."""
        if self._ready:
            step = self._ready.popleft()
        elif self._timers:
            when, _, step = heapq.heappop(self._timers)
            if not step.off and when > self._now:
                self._now = when
        else:
            raise Stalled("no step is ready and no timer is set")
        if step.off or (step.node is not None and not self._runs(step, step.node)):
            return
        self.steps += 1
        self.current = step
        try:
            step.context.run(step.callback, *step.args)
        except Exception as error:  # noqa: BLE001 - as any loop does: told, and survived
            self.troubles.append(f"a callback raised {error!r}")
            if step.node is None:
                self.broken = self.broken or error

    def _runs(self, step: Step, node: Node) -> bool:
        """Whether a process makes its step; if not, it is kept."""
        if node.life is not Life.ALIVE:
            node.kept.append(step)
            return False
        if node.fuse:
            node.fuse -= 1
            if not node.fuse and node.on_fuse is not None:
                self._ready.appendleft(step)
                node.on_fuse()
                return False
        return True


def _at_once(call: Callable[[], Any], done: Callable[[Any], None]) -> None:
    done(call())


def _resolve(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _close(coro: Any) -> None:
    """Close a coroutine, however many of its `finally` blocks want to wait for something."""
    for _ in range(50):
        try:
            coro.close()
        except RuntimeError:  # it awaited again, or asked for the loop that runs no more
            continue
        except BaseException:  # noqa: BLE001, S112 - whatever it says, nobody is there to hear it
            continue
        return
