"""Waiting for work: notifications wake listeners, which also look at intervals if one is lost."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Sequence
from secrets import randbelow, randbits
from time import monotonic
from typing import TypeVar

from dutiful.core.errors import EngineError
from dutiful.engines._sql.statement import Plan, Statement

from .connections.address import Address
from .connections.async_pool import AsyncPool
from .connections.heartbeat_connection import HeartbeatConnection
from .statements import Texts

T = TypeVar("T")

_AGAIN_SECONDS = (0.003, 0.1, 1.0)
"""Seconds after which a listener looks again, for jobs whose enqueue began before it listened."""
_DOZE_SECONDS = 0.003
"""Seconds to wait for the next job of a stream before registering as a listener."""
_POLL_SECONDS = 0.5
"""Seconds between looks while notifications cannot be received."""
_STAGGER_SECONDS, _STAGGER_SECONDS_MOST = 0.001, 0.03
"""Processes that are notified together spread their looks: seconds for each process, and in all."""


class Notifier:
    """The listeners of one process, and whether notifications reach them."""

    def __init__(
        self, address: Address, sql: Texts, pool: AsyncPool, connection: HeartbeatConnection
    ) -> None:
        """Listen on the heartbeat's connection."""
        self._address = address
        self._sql = sql
        self._pool = pool
        self._heartbeat_connection = connection
        connection.handler = self
        self._lock = randbits(63)
        """The number of the lock that is held while this process listens; new each time."""
        self._guard = threading.Lock()
        self._listeners: set[_Listener] = set()
        self._marked: frozenset[str] | None = None
        """The queues for which this process is registered as a listener on the server."""
        self._listening_processes = 0
        """How many processes were registered when this one registered."""
        self.connected_now = False
        """Whether notifications arrive at present."""
        self._was_notified = False

    def notify(self) -> None:
        """Wake all listeners of this process: jobs were stored for them."""
        self._marked = None
        self._was_notified = True
        self._wake()

    def was_notified(self) -> bool:
        """Whether a listener was notified of work since the last call."""
        notified, self._was_notified = self._was_notified, False
        return notified

    async def wait(
        self, queues: Sequence[str], seconds: float, look: Callable[[], Awaitable[bool]]
    ) -> None:
        """Return when there may be work, at the latest after ``seconds``."""
        if not self._address.pooler:
            self._heartbeat_connection.start()
        deadline = monotonic() + seconds
        if seconds < _DOZE_SECONDS:  # too short to look, which the next exchange does
            await asyncio.sleep(seconds)
            return
        listener = _Listener(asyncio.get_running_loop(), frozenset(queues))
        with self._guard:
            self._listeners.add(listener)
        try:
            again = 0
            if self._marked is None:
                # In a stream of jobs, the process would otherwise register again for each one.
                await listener.within(min(seconds, _DOZE_SECONDS))
                if await _whole(look()):
                    return
            while not listener.awake:
                listener.reset()
                heard = self.connected_now
                if not await _whole(self._start_listening()):
                    again = len(_AGAIN_SECONDS)  # it was registered before: no enqueue missed it
                if await _whole(look()):
                    await _whole(self._stop_listening())
                    return
                left = deadline - monotonic()
                if left <= 0:
                    return
                pause = _POLL_SECONDS * _jitter(0.9)
                if heard:
                    pause = _AGAIN_SECONDS[again] if again < len(_AGAIN_SECONDS) else left
                    again += 1
                await listener.within(min(left, pause))
        finally:
            with self._guard:
                self._listeners.discard(listener)

    def close(self) -> None:
        """Let all listeners look for work themselves."""
        self._wake()

    def connected(self, lock: int) -> None:
        """Have the listeners look again: notifications meanwhile were not received."""
        self._lock = lock
        self.connected_now = True
        self._marked = None  # after a crash the server has lost its listeners
        self._wake(work=False)

    def disconnected(self) -> None:
        """Have the listeners look regularly, as notifications do not arrive."""
        self.connected_now = False
        self._wake(work=False)

    def notified(self, payload: str) -> None:
        """Wake the listeners if the payload names this process, or all processes by a star."""
        first, *queues = payload.split() or [""]
        if first == "*":
            self._announced(frozenset(queues))
        elif _id(self._lock) in (first, *queues):
            self.notify()

    def _announced(self, queues: frozenset[str]) -> None:
        """Have all listeners of some queues, or of any, look for work, spread over a short time.

        The transaction that stored the work could not choose which listeners to wake.
        """
        crowd = min(self._listening_processes * _STAGGER_SECONDS, _STAGGER_SECONDS_MOST)
        with self._guard:
            listeners = [one for one in self._listeners if not queues or queues & one.queues]
        for listener in listeners:
            listener.wake(False, crowd * _jitter(0.0))

    async def _start_listening(self) -> bool:
        """Register for the queues of all listeners here; False if that was done before."""
        with self._guard:
            queues = frozenset[str]().union(*(one.queues for one in self._listeners))
            if not self.connected_now or self._marked == queues:
                return not self.connected_now
            self._marked, lock = queues, self._lock

        def plan() -> Plan[None]:
            answer = yield Statement(
                self._sql("start_listening"), (_id(lock), sorted(queues), lock)
            )
            self._listening_processes = answer.rows[0][0]

        try:
            await self._pool.once(plan)
        except EngineError:
            self._marked = None
            raise
        return True

    async def _stop_listening(self) -> None:
        """Unregister, since work was found, so that other processes are woken instead."""
        with self._guard:
            marked, self._marked, lock = self._marked, None, self._lock
        if marked is not None:

            def plan() -> Plan[None]:
                yield Statement(self._sql("stop_listening"), (_id(lock),))

            await self._pool.once(plan)

    def _wake(self, *, work: bool = True) -> None:
        """End all waits, or without ``work`` only have the listeners look again."""
        with self._guard:
            listeners = list(self._listeners)
        for listener in listeners:
            listener.wake(work)


class _Listener:
    def __init__(self, loop: asyncio.AbstractEventLoop, queues: frozenset[str]) -> None:
        self._loop = loop
        self._event = asyncio.Event()
        self.queues = queues
        self.awake = False

    def wake(self, work: bool, after: float = 0.0) -> None:
        self.awake = self.awake or work
        if self._loop.is_closed():
            return
        if after:
            self._loop.call_soon_threadsafe(self._loop.call_later, after, self._event.set)
        else:
            self._loop.call_soon_threadsafe(self._event.set)

    def reset(self) -> None:
        """Clear earlier wake-ups, before the look that takes account of them."""
        if not self.awake:
            self._event.clear()

    async def within(self, seconds: float) -> None:
        """Wait for some seconds, or until something happens."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


async def _whole(call: Awaitable[T]) -> T:
    """Wait for a call, which runs to its end even if the wait is cancelled.

    To cancel a statement, the driver would open another connection.
    """
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_forget)
        raise


def _forget(task: asyncio.Future[T]) -> None:
    if not task.cancelled():
        task.exception()  # no caller is left to receive it


def _id(lock: int) -> str:
    return f"{lock:x}"


def _jitter(least: float) -> float:
    """Return a factor from ``least`` to 1, so that workers do not look at the same time."""
    return least + (1 - least) * randbelow(1000) / 1000
