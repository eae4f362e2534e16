"""Waiting for work: notifications wake who sleeps, and a look now and then covers their loss."""

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
"""After so long a listener looks again, for a job whose enqueue began before it lay down."""
_DOZE_SECONDS = 0.003
"""How long to wait for the next job of a stream before asking to be woken."""
_POLL_SECONDS = 0.5
"""How often to look where notifications cannot be heard."""
_STAGGER_SECONDS, _STAGGER_SECONDS_MOST = 0.001, 0.03
"""Processes that hear of work together spread their looks: so long for each of them, and in all."""


class Notifier:
    """The sleeping coroutines of one process, and whether notifications reach them."""

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
        """The number of the lock that shows this process alive; a new one each time it listens."""
        self._guard = threading.Lock()
        self._listeners: set[_Listener] = set()
        self._marked: frozenset[str] | None = None
        """The queues for which the server knows that somebody sleeps here."""
        self._listening_processes = 0
        """How many processes slept when this one lay down."""
        self.connected_now = False
        """Whether notifications arrive at present."""
        self._was_notified = False

    def notify(self) -> None:
        """Wake all that sleep here: somebody stored work for them."""
        self._marked = None
        self._was_notified = True
        self._wake()

    def was_notified(self) -> bool:
        """Whether somebody was told of work since this was last asked."""
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
                # Where jobs come one after the other, marks would come and go with each.
                await listener.within(min(seconds, _DOZE_SECONDS))
                if await _whole(look()):
                    return
            while not listener.awake:
                listener.reset()
                heard = self.connected_now
                if not await _whole(self._start_listening()):
                    again = len(_AGAIN_SECONDS)  # it was marked all along, so nobody missed it
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
        """Look once more: notifications in between were not received."""
        self._lock = lock
        self.connected_now = True
        self._marked = None  # in a crash the server forgets who sleeps
        self._wake(work=False)

    def disconnected(self) -> None:
        """Look regularly, as notifications do not arrive."""
        self.connected_now = False
        self._wake(work=False)

    def notified(self, payload: str) -> None:
        """Wake the listeners of this process, if the notification names it, or all by a star."""
        first, *queues = payload.split() or [""]
        if first == "*":
            self._announced(frozenset(queues))
        elif _id(self._lock) in (first, *queues):
            self.notify()

    def _announced(self, queues: frozenset[str]) -> None:
        """Let all listeners of some queues, or of any, look for work, spread over a short time.

        Work was stored by a transaction that could not choose which listeners to wake.
        """
        crowd = min(self._listening_processes * _STAGGER_SECONDS, _STAGGER_SECONDS_MOST)
        with self._guard:
            listeners = [one for one in self._listeners if not queues or queues & one.queues]
        for listener in listeners:
            listener.wake(False, crowd * _jitter(0.0))

    async def _start_listening(self) -> bool:
        """Ask to be woken, for all that sleep here; False when that was said before."""
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
        """Let others be woken instead of us, who have found work by ourselves."""
        with self._guard:
            marked, self._marked, lock = self._marked, None, self._lock
        if marked is not None:

            def plan() -> Plan[None]:
                yield Statement(self._sql("stop_listening"), (_id(lock),))

            await self._pool.once(plan)

    def _wake(self, *, work: bool = True) -> None:
        """End all sleeps, or without ``work`` only let the listeners look once more."""
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
        """Forget earlier nudges, before the look that could answer them."""
        if not self.awake:
            self._event.clear()

    async def within(self, seconds: float) -> None:
        """Wait for some seconds, or until something happens."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


async def _whole(call: Awaitable[T]) -> T:
    """Wait for a call that goes on to its end when the wait is cancelled.

    To cancel a statement the driver would open another connection.
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
    """Return a factor from ``least`` to 1, so that workers do not look all at once."""
    return least + (1 - least) * randbelow(1000) / 1000
