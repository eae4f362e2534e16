"""Checks that a caller's connection is to the database that holds the jobs.

Another database may have its own store in a schema of the same name, which no worker serves. A
database is identified by its name and by the start time of its server. These also distinguish a
copy from its original, and reading them needs neither a right nor a stored row.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

from dutiful.core.errors import EngineUnavailable, UsageError
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres.connections.address import Address
from dutiful.engines.postgres.connections.connection import connect, executor
from dutiful.engines.postgres.statements import Texts

T = TypeVar("T")

_AGAIN_SECONDS = 300.0
"""Seconds for which nothing is checked after our own server could not be asked."""


class DatabaseIdentity(NamedTuple):
    """What distinguishes a database from all others."""

    database: str
    started_at: int


class WrongDatabase(Exception):
    """A connection is to another database than the store's, as far as is known."""

    def __init__(self, there: DatabaseIdentity) -> None:
        """Keep the identity of that database."""
        self.there = there


class DatabaseCheck:
    """The identity of the store's database, and the connections that were found to be to it."""

    def __init__(self, address: Address, sql: Texts) -> None:
        """Ask nothing yet."""
        self._address = address
        self._sql = sql
        self._here: DatabaseIdentity | None = None
        self._asked_at = -_AGAIN_SECONDS
        self._guard = threading.Lock()
        self._known: WeakSet[Any] = WeakSet()

    @property
    def doubtful(self) -> bool:
        """Whether `learn` would query the server."""
        return self._here is None and monotonic() - self._asked_at >= _AGAIN_SECONDS

    def learn(self) -> None:
        """Ask our own server for its identity, once; no error if it cannot be reached."""
        if self.doubtful:
            with self._guard:
                if self.doubtful:
                    self._asked_at = monotonic()
                    self._here = self._asked()

    def judge(self, wrong: WrongDatabase) -> None:
        """Ask again, as the server may have been restarted; UsageError for another database."""
        with self._guard:
            here = self._here = self._asked()
        if here is None or here == wrong.there:
            return
        there = wrong.there.database
        which = "another server" if there == here.database else "another database"
        raise UsageError(
            f"the connection leads to {which} (database {there!r}), and the jobs are in "
            f"{self._address.shown}; one transaction can only span one database: pass a connection "
            "to that one, or correct the app's URL"
        )

    def reached(self, driver: Any, plan: Plan[T]) -> Plan[T]:
        """Check a connection before its first plan; WrongDatabase if it is to another one."""
        here = self._here
        if here is not None and driver not in self._known:
            there = DatabaseIdentity(*(yield Statement(self._sql("database_identity"))).rows[0])
            if there != here:
                raise WrongDatabase(there)
            with suppress(TypeError):  # a wrapper without weak references
                self._known.add(driver)
        return (yield from plan)

    def _asked(self) -> DatabaseIdentity | None:
        try:
            with connect(self._address) as connection:
                answer = executor(connection)(Statement(self._sql("database_identity")))
        except EngineUnavailable:
            return None
        return DatabaseIdentity(*answer.rows[0])
