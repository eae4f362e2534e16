"""Waiting for work: notifications wake who sleeps, and a look now and then covers their loss."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from secrets import randbelow, randbits

import psycopg

from dutiful.contract.statement import Plan, Statement
from dutiful.core.errors import EngineError

from .address import Address
from .connection import Connection, connect
from .pool import Pool
from .statements import Texts, quoted, trusted

_AGAIN_SECONDS = (0.003, 0.1)
"""After so long a sleeper looks again, for a job whose enqueue began before it lay down."""
_DOZE_SECONDS = 0.003
"""How long to wait for the next job of a stream before asking to be woken."""
_POLL_SECONDS = 0.5
"""How often to look where notifications cannot be heard."""
_RECONNECT_MOST = 5.0
_GLANCE = 0.5


class Sleepers:
    """The sleeping coroutines of one process, and the one connection that listens for them."""

    def __init__(self, address: Address, sql: Texts, pool: Pool) -> None:
        """Listen from the first sleep on."""
        self._address = address
        self._sql = sql
        self._pool = pool
        self._lock = randbits(63)
        """The number of the lock that shows this process alive; a new one each time it listens."""
        self._guard = threading.Lock()
        self._asleep: set[_Sleeper] = set()
        self._marked: frozenset[str] | None = None
        """The queues for which the server knows that somebody sleeps here."""
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.hears = False
        """Whether notifications arrive at present."""
        self._news = False

    def tell(self) -> None:
        """Wake all that sleep here: somebody stored work for them."""
        self._marked = None
        self._news = True
        self._rouse()

    def woken(self) -> bool:
        """Whether somebody was told of work since this was last asked."""
        news, self._news = self._news, False
        return news

    async def sleep(self, queues: Sequence[str], seconds: float, look: Callable[[], bool]) -> None:
        """Return when there may be work, at the latest after ``seconds``."""
        self._listen()
        deadline = time.monotonic() + seconds
        if seconds < _DOZE_SECONDS:  # too short to look, which the next exchange does
            await asyncio.sleep(seconds)
            return
        sleeper = _Sleeper(asyncio.get_running_loop(), frozenset(queues))
        with self._guard:
            self._asleep.add(sleeper)
        try:
            again = 0
            if self._marked is None:
                # Where jobs come one after the other, marks would come and go with each.
                await sleeper.within(min(seconds, _DOZE_SECONDS))
                if await self._pool.aside(look):
                    return
            while not sleeper.roused:
                sleeper.settle_down()
                heard = self.hears
                if not await self._pool.aside(self._lie_down):
                    again = len(_AGAIN_SECONDS)  # it was marked all along, so nobody missed it
                if await self._pool.aside(look):
                    await self._pool.aside(self._rise)
                    return
                left = deadline - time.monotonic()
                if left <= 0:
                    return
                pause = _POLL_SECONDS * _jitter(0.9)
                if heard:
                    pause = _AGAIN_SECONDS[again] if again < len(_AGAIN_SECONDS) else left
                    again += 1
                await sleeper.within(min(left, pause))
        finally:
            with self._guard:
                self._asleep.discard(sleeper)

    def close(self) -> None:
        """Stop listening and let everybody look for themselves."""
        self._stop.set()
        thread, self._thread = self._thread, None
        self._rouse()
        if thread is not None and thread is not threading.current_thread():
            thread.join(2.0)

    def forsake(self) -> None:
        """Forget, in the child of a fork, the parent's thread and its connection."""
        self._thread = None

    def _lie_down(self) -> bool:
        """Ask to be woken, for all that sleep here; False when that was said before."""
        with self._guard:
            queues = frozenset[str]().union(*(one.queues for one in self._asleep))
            if not self.hears or self._marked == queues:
                return not self.hears
            self._marked, lock = queues, self._lock

        def plan() -> Plan[None]:
            yield Statement(self._sql("sleep"), (_id(lock), sorted(queues), lock))

        try:
            self._pool.once(plan)
        except EngineError:
            self._marked = None
            raise
        return True

    def _rise(self) -> None:
        """Let others be woken instead of us, who have found work by ourselves."""
        with self._guard:
            marked, self._marked, lock = self._marked, None, self._lock
        if marked is not None:

            def plan() -> Plan[None]:
                yield Statement(self._sql("rise"), (_id(lock),))

            self._pool.once(plan)

    def _listen(self) -> None:
        with self._guard:
            if self._thread is None and not self._address.pooler:
                self._stop = threading.Event()
                self._thread = threading.Thread(
                    target=self._hear, args=(self._stop,), name="dutiful-listen", daemon=True
                )
                self._thread.start()

    def _hear(self, stop: threading.Event) -> None:
        """Listen until told to stop; connect anew whenever the connection breaks."""
        pause = 0.1
        while not stop.is_set():
            try:
                with connect(self._address) as connection:
                    # The server may hold the last one for a while yet.
                    self._lock = lock = randbits(63)
                    connection.execute(trusted(self._sql("sleepers_vouch")), (lock,))
                    connection.execute(trusted(self._sql("sleepers_bury")))
                    connection.execute(trusted(f"LISTEN {quoted(self._sql.channel)}"))
                    self.hears = True
                    pause = 0.1
                    self._marked = None  # in a crash the server forgets who sleeps
                    self._rouse(work=False)  # what was said meanwhile was said to nobody
                    self._heed(connection, stop)
            except (EngineError, psycopg.Error, OSError):
                self.hears = False
                self._rouse(work=False)
                stop.wait(pause * _jitter(0.5))
                pause = min(pause * 2, _RECONNECT_MOST)
        self.hears = False

    def _heed(self, connection: Connection, stop: threading.Event) -> None:
        while not stop.is_set():
            for notice in connection.notifies(timeout=_GLANCE):
                if _id(self._lock) in notice.payload.split():
                    self.tell()
                if stop.is_set():
                    return

    def _rouse(self, *, work: bool = True) -> None:
        """End all sleeps, or without ``work`` only let the sleepers look once more."""
        with self._guard:
            asleep = list(self._asleep)
        for sleeper in asleep:
            sleeper.rouse(work)


class _Sleeper:
    def __init__(self, loop: asyncio.AbstractEventLoop, queues: frozenset[str]) -> None:
        self._loop = loop
        self._event = asyncio.Event()
        self.queues = queues
        self.roused = False

    def rouse(self, work: bool) -> None:
        self.roused = self.roused or work
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._event.set)

    def settle_down(self) -> None:
        """Forget earlier nudges, before the look that could answer them."""
        if not self.roused:
            self._event.clear()

    async def within(self, seconds: float) -> None:
        """Wait for some seconds, or until something happens."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()


def _id(lock: int) -> str:
    return f"{lock:x}"


def _jitter(least: float) -> float:
    """Return a factor from ``least`` to 1, so that workers do not look all at once."""
    return least + (1 - least) * randbelow(1000) / 1000
