"""The connections and caches of one process for one store."""

from __future__ import annotations

import os
import threading
import weakref

from dutiful.contract.clock import Clock, SystemClock

from .claim_cursor import ClaimCursors
from .claims_review import ClaimsReview
from .connections.address import Address
from .connections.async_pool import AsyncPool
from .connections.heartbeat_connection import HeartbeatConnection
from .connections.pool import Pool
from .connections.task_connection import AsyncTaskConnections, TaskConnections
from .enqueue_batcher import EnqueueBatcher
from .notifier import Notifier
from .schema.database_identity import DatabaseCheck
from .schema.migration import prepare
from .silence import SilenceMeter
from .statements import Texts

_INSPECT_CONNECTIONS = 2
_WORK_LOCK_SECONDS = 0.5
"""Seconds that settlements and claims of many jobs wait for the lock on one of them."""


class Session:
    """The pools, the listener and the texts of one store; opens itself when first needed."""

    def __init__(self, address: Address, clock: Clock | None) -> None:
        """Open nothing yet; a ``clock`` replaces the server's in tests."""
        self.address = address
        self.sql = Texts(address.schema)
        self._clock = clock
        self.ticks = (clock or SystemClock()).ticks
        self._guard = threading.Lock()
        self._build()
        _sessions.add(self)

    def _build(self) -> None:
        address = self.address
        self._open = False
        self.pool = Pool(address, self.sql, address.connections, pinned=True)
        self.inspect_pool = Pool(address, self.sql, _INSPECT_CONNECTIONS)
        # Leases are renewed on a separate connection, since other work may wait for locks.
        self.heartbeat_connection = HeartbeatConnection(address, self.sql)
        self.task_connections = TaskConnections(address)
        self.async_task_connections = AsyncTaskConnections(address)
        self.async_query_pool = AsyncPool(address, self.sql, lock_seconds=_WORK_LOCK_SECONDS)
        self.enqueue_batcher = EnqueueBatcher(self.pool)
        self.database_check = DatabaseCheck(address, self.sql)
        self.notifier = Notifier(
            address, self.sql, self.async_query_pool, self.heartbeat_connection
        )
        self.silence_meter = SilenceMeter(self.ticks)
        self.claim_cursors = ClaimCursors(self.ticks)
        self.reviews: dict[str, ClaimsReview] = {}
        """By worker, its last review, made while it held no jobs."""
        self.exchanges = 0
        self.notices: tuple[str, ...] = ()
        """Notices for the operator, found when the store was opened."""
        self.pruned: dict[int, int] = {}
        """By state, when the last job of the latest full batch had ended; the next starts there.

        Before it there are dead entries, which an old snapshot may keep in the index for long."""

    @property
    def now(self) -> int | None:
        """The time for statements: None, so that they use the server's clock, except in tests."""
        return None if self._clock is None else self._clock.now()

    def ready(self) -> Session:
        """Return itself, after a check that the schema is up to date."""
        if not self._open:
            with self._guard:
                if not self._open:
                    self.notices = prepare(self.address, self.sql)
                    self._open = True
        return self

    @property
    def open(self) -> bool:
        """Whether this process has found the schema up to date."""
        return self._open

    def may_hold(self, worker: str) -> None:
        """Note that a worker may hold jobs from now on, so its last review no longer counts."""
        self.exchanges += 1
        self.reviews.pop(worker, None)

    def close(self) -> None:
        """Close all connections; the next use opens them again."""
        with self._guard:
            self._open = False
            self.notifier.close()
            self.pool.close()
            self.inspect_pool.close()
            self.heartbeat_connection.close()
            self.task_connections.close()
            self.async_task_connections.close()
            self.async_query_pool.close()

    def forsake(self) -> None:
        """Start again in the child of a fork."""
        self._guard = threading.Lock()
        self.pool.forsake()
        self.inspect_pool.forsake()
        self.heartbeat_connection.forsake()
        self.task_connections.forsake()
        self._build()


_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for session in list(_sessions):
        session.forsake()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
