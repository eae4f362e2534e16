"""The one connection that a worker always keeps: for renewals and notifications.

It is opened before the worker is registered, so that no lease is lost for lack of a connection.
No long statement runs on it.
"""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from secrets import randbelow, randbits
from typing import Any, Protocol, TypeVar

import psycopg
from psycopg import Notify

from dutiful.core.errors import EngineError, EngineUnavailable
from dutiful.engines._sql.statement import Plan, run
from dutiful.engines.postgres.statements import Texts, quoted, trusted

from .address import Address
from .connection import Connection, connect, executor
from .errors import StatementLost, translate_error
from .pool import undo
from .prepared import PreparedWatch
from .session_settings import begin, settings

T = TypeVar("T")

_ANSWER_SECONDS = 2.0
_LOCK_SECONDS = 0.1
"""Short, because a lease may end while its renewal waits for a lock."""
_RECONNECT_FIRST, _RECONNECT_MOST = 0.1, 5.0
_GLANCE = 5.0


class NotificationHandler(Protocol):
    """Receives the notifications of the connection; called in the connection's thread."""

    def connected(self, lock: int) -> None:
        """Notifications arrive from now on; ``lock`` is held while this process is alive."""
        ...

    def disconnected(self) -> None:
        """Notifications do not arrive at present."""
        ...

    def notified(self, payload: str) -> None:
        """Jobs were stored; the payload names the processes that should look for them."""
        ...


class HeartbeatConnection:
    """A thread with a connection, which runs short plans and otherwise listens."""

    def __init__(self, address: Address, sql: Texts) -> None:
        """Open nothing yet."""
        self._address = address
        self._sql = sql
        self.handler: NotificationHandler | None = None
        wanted = settings(_ANSWER_SECONDS, _LOCK_SECONDS, False)
        self._begin = begin(wanted) if address.pooler else ""
        self._guard = threading.Lock()
        self._build()

    def _build(self) -> None:
        self._thread: threading.Thread | None = None
        self._calls: deque[tuple[Callable[[Connection], Any], Future[Any]]] = deque()
        self._stop = threading.Event()
        self._wake_socket: socket.socket | None = None

    def start(self) -> None:
        """Connect and listen, if that has not begun."""
        with self._guard:
            if self._thread is None:
                self._stop = threading.Event()
                wake_end, self._wake_socket = socket.socketpair()
                # With a program's default timeout, a wake-up would block while the thread is busy.
                self._wake_socket.setblocking(True)
                self._thread = threading.Thread(
                    target=self._run,
                    args=(self._stop, wake_end),
                    name="dutiful-heartbeat-connection",
                    daemon=True,
                )
                self._thread.start()

    async def aonce(self, plan: Callable[[], Plan[T]], *, writes: bool = False) -> T:
        """Run a short plan whose every statement is a transaction of its own."""
        self.start()
        future: Future[T] = Future()

        def call(connection: Connection) -> T:
            if not self._begin:
                return run(plan(), executor(connection, commits=writes))
            return self._transaction(connection, plan)

        self._calls.append((call, future))
        self._wake_thread()
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        with self._guard:
            self._stop.set()
            thread, self._thread = self._thread, None
            wake_socket, self._wake_socket = self._wake_socket, None
        if wake_socket is not None:
            wake_socket.close()  # this wakes the thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(2.0)

    def forsake(self) -> None:
        """Start again in the child of a fork: the connection belongs to the parent."""
        self._guard = threading.Lock()
        self._build()

    def _wake_thread(self) -> None:
        with self._guard:
            if self._wake_socket is not None:
                with suppress(OSError):
                    self._wake_socket.send(b"!", socket.MSG_DONTWAIT)

    def _run(self, stop: threading.Event, wake_end: socket.socket) -> None:
        """Serve until stopped; connect again whenever the connection breaks."""
        pause = _RECONNECT_FIRST
        with wake_end:
            while not stop.is_set():
                try:
                    with connect(
                        self._address, patience=_ANSWER_SECONDS, lock_seconds=_LOCK_SECONDS
                    ) as connection:
                        self._listen(connection)
                        pause = _RECONNECT_FIRST
                        self._serve(connection, stop, wake_end)
                except StatementLost:  # another session prepares the statement again
                    self._unheard()
                except (EngineError, psycopg.Error, OSError) as error:
                    self._down(error)
                    _rest(pause * (0.5 + randbelow(500) / 1000), wake_end)
                    pause = min(pause * 2, _RECONNECT_MOST)
        self._down(EngineUnavailable("the store was closed"))

    def _listen(self, connection: Connection) -> None:
        handler = self.handler
        if self._address.pooler or handler is None:
            return
        lock = randbits(63)  # a new number: the server may still hold the last lock
        connection.add_notify_handler(self._heard)
        connection.execute(trusted(self._sql("listener_lock")), (lock,))
        connection.execute(trusted(self._sql("delete_dead_listeners")))
        connection.execute(trusted(f"LISTEN {quoted(self._sql.channel)}"))
        handler.connected(lock)

    def _heard(self, notice: Notify) -> None:
        if self.handler is not None:
            self.handler.notified(notice.payload)

    def _serve(
        self, connection: Connection, stop: threading.Event, wake_end: socket.socket
    ) -> None:
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        poll.register(wake_end, select.POLLIN)
        listens = self.handler is not None and not self._address.pooler
        watch = PreparedWatch(connection, self._sql) if listens else None
        while not stop.is_set():
            pause = _GLANCE if watch is None else min(_GLANCE, watch.look())
            ready = {descriptor for descriptor, _ in poll.poll(pause * 1000)}
            if wake_end.fileno() in ready:
                wake_end.recv(4096)
            if connection.pgconn.socket in ready:
                self._hear(connection)
            while self._calls:
                self._answer(connection, *self._calls.popleft())

    def _hear(self, connection: Connection) -> None:
        connection.pgconn.consume_input()
        while (notice := connection.pgconn.notifies()) is not None:
            if self.handler is not None:
                self.handler.notified(notice.extra.decode())

    def _answer(
        self, connection: Connection, call: Callable[[Connection], Any], future: Future[Any]
    ) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(call(connection))
        except Exception as error:
            future.set_exception(error)
            if isinstance(error, StatementLost):
                raise
            if connection.closed:
                raise EngineUnavailable(str(error)) from error

    def _transaction(self, connection: Connection, plan: Callable[[], Plan[T]]) -> T:
        try:
            connection.execute(trusted(self._begin), prepare=False)
            result = run(plan(), executor(connection))
            connection.execute("COMMIT")
        except BaseException as error:
            undo(connection)
            if isinstance(error, psycopg.Error | OSError):
                raise translate_error(error, "using the store", committing=True) from error
            raise
        return result

    def _unheard(self) -> None:
        if self.handler is not None:
            self.handler.disconnected()

    def _down(self, error: BaseException) -> None:
        """Fail all calls that wait for an answer."""
        self._unheard()
        while self._calls:
            _, future = self._calls.popleft()
            if future.set_running_or_notify_cancel():
                future.set_exception(
                    error
                    if isinstance(error, EngineError)
                    else translate_error(error, "using the store")
                )


def _rest(seconds: float, wake_end: socket.socket) -> None:
    """Wait, but no longer than until the next call."""
    ready, _, _ = select.select([wake_end], [], [], seconds)
    if ready:
        wake_end.recv(4096)
