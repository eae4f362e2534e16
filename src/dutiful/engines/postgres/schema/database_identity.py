"""Whether a connection of the caller's leads to the database that holds the jobs.

Another database may have a store of its own in a schema of the same name, and no worker that looks
into it. A database is told by its name and by when its server started: that tells a copy from its
original too, and needs neither a right nor a row of ours.
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
"""How long to do without the question after our own server could not be asked."""


class DatabaseIdentity(NamedTuple):
    """What tells one database from all others."""

    database: str
    started_at: int


class WrongDatabase(Exception):
    """A connection leads elsewhere than the store was when last asked."""

    def __init__(self, there: DatabaseIdentity) -> None:
        """Keep where it leads."""
        self.there = there


class DatabaseCheck:
    """Where the store is, and the connections that are known to lead there."""

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
        """Whether `learn` would ask."""
        return self._here is None and monotonic() - self._asked_at >= _AGAIN_SECONDS

    def learn(self) -> None:
        """Ask our own server where it is, once; that it cannot be reached stops nobody else."""
        if self.doubtful:
            with self._guard:
                if self.doubtful:
                    self._asked_at = monotonic()
                    self._here = self._asked()

    def judge(self, wrong: WrongDatabase) -> None:
        """Ask again, as the server may have been started again; UsageError if it is another one."""
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
        """Ask where a connection leads before a plan that is its first; Astray if elsewhere."""
        here = self._here
        if here is not None and driver not in self._known:
            there = DatabaseIdentity(*(yield Statement(self._sql("database_identity"))).rows[0])
            if there != here:
                raise WrongDatabase(there)
            with suppress(TypeError):  # some wrapper that cannot be remembered
                self._known.add(driver)
        return (yield from plan)

    def _asked(self) -> DatabaseIdentity | None:
        try:
            with connect(self._address) as connection:
                answer = executor(connection)(Statement(self._sql("database_identity")))
        except EngineUnavailable:
            return None
        return DatabaseIdentity(*answer.rows[0])
