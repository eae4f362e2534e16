"""A real PostgreSQL server below a simulated world."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Generator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from dutiful.contract.clock import Clock
from dutiful.core.job import AttemptError, Job
from dutiful.engines._sql.statement import Plan, Statement
from dutiful.engines.postgres import PostgresEngine
from dutiful.engines.postgres.claiming import work
from dutiful.engines.postgres.rows import job_of
from dutiful.servers.postgres import LocalServer, local_server

from .loop import SimLoop
from .sqlstore import Beds, HandedClock, RealCalls
from .store_rows import SqlStoreRows, Written

_TABLES = (
    "schedule, occurrence, edition, job, failure, step, worker, queue, tally, listener, "
    "activity, alert, job_log, written"
)
_SHARED = (
    "pool",
    "inspect_pool",
    "heartbeat_connection",
    "task_connections",
    "async_task_connections",
    "async_query_pool",
    "enqueue_batcher",
)
_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "autovacuum": "off"}
"""No fault of a world is the server's own, and a vacuum would come at no repeatable moment."""


class HostClock:
    """What a process on a host of its own sees: the server's wall clock, its own ticks."""

    def __init__(self, server: Clock, host: Clock) -> None:
        self.now = server.now
        self.ticks = host.ticks


class PostgresRows:
    """Reads the schema through the engine's reading connections."""

    def __init__(self, engine: PostgresEngine) -> None:
        self._session = engine.session
        self._sql = engine.session.sql

    def jobs(self) -> Sequence[tuple[Any, ...]]:
        return self._read(self._sql("dump"), "", 10**9)

    def glance(self) -> tuple[int, Collection[Written]]:
        text = (
            "SELECT (SELECT sum(count)::bigint FROM {schema}.tally WHERE name = 'enqueued'), "
            "ARRAY(SELECT job FROM {schema}.written ORDER BY job, fence), "
            "ARRAY(SELECT fence FROM {schema}.written ORDER BY job, fence)"
        )
        count, jobs, fences = self._read(self._sql.fill(text))[0]
        return count or 0, [("tx", *pair) for pair in zip(jobs, fences, strict=True)]

    def steps(self, job_id: str) -> dict[str, bytes]:
        return dict(self._read(self._sql("steps"), job_id))

    def errors(self, job_id: str) -> Sequence[AttemptError]:
        return [AttemptError(job_id, *row) for row in self._read(self._sql("errors"), job_id)]

    def is_lost(self, worker: str) -> bool:
        text = self._sql.fill("SELECT lost FROM {schema}.worker WHERE id = $1")
        return bool(self._read(text, worker)[0][0])

    def asleep(self) -> set[str]:
        """Return the names under which somebody asked to be woken."""
        text = self._sql.fill("SELECT id FROM {schema}.listener")
        return {row[0] for row in self._read(text)}

    def _read(self, text: str, *params: Any) -> Sequence[tuple[Any, ...]]:
        def plan() -> Plan[Any]:
            return (yield Statement(text, params)).rows

        return self._session.inspect_pool.once(plan)


class PostgresStore(RealCalls):
    """One schema; each process has an engine, and only the connections are shared by all."""

    name = "postgresql"
    threads = awaits = wall_leases = True
    exclusive = False

    def __init__(self, server: LocalServer) -> None:
        super().__init__()
        self._url = server.url(schema="simulation", connections="64")
        self._clock = HandedClock()
        self._shared = PostgresEngine(self._url, clock=self._clock)
        self.run(self._shared.open())
        self._rows = PostgresRows(self._shared)
        self._connection = psycopg.connect(server.url(), autocommit=True)
        self._connection.execute(
            "CREATE TABLE simulation.written (job text, fence integer, UNIQUE (job, fence))"
        )

    def begin(self, clock: Clock, loop: SimLoop) -> None:
        names = ", ".join(f"simulation.{name}" for name in _TABLES.split(", "))
        self._connection.execute(f"TRUNCATE {names} RESTART IDENTITY")
        self._connection.execute("UPDATE simulation.fence SET floor = 0")
        self._clock.world = clock
        self._beds = Beds()
        self._names: dict[int, str] = {}
        self._engines: list[PostgresEngine] = []
        self.store_rows = SqlStoreRows(self._rows, job_of)

    def engine(self, clock: Clock) -> PostgresEngine:
        engine = PostgresEngine(self._url, clock=HostClock(self._clock.world, clock))
        for part in _SHARED:
            setattr(engine.session, part, getattr(self._shared.session, part))
        engine.session._open = True
        self._names[id(engine)] = f"process-{len(self._engines):03d}"
        self._engines.append(engine)
        return engine

    async def sleep(self, engine: PostgresEngine, queues: Sequence[str], seconds: float) -> None:
        session, name = engine.session, self._names[id(engine)]

        def lie_down() -> Plan[None]:
            yield Statement(session.sql("start_listening"), (name, sorted(set(queues))))

        def look() -> bool:
            session.pool.once(lie_down)
            return session.pool.once(
                lambda: work(session.sql, queues, session.now, session.claim_cursors)
            )

        await self._beds.sleep(name, seconds, look)

    def ring(self) -> None:
        if names := self._beds.names:
            asleep = self._rows.asleep()
            self._beds.wake([name for name in names if name not in asleep])

    def write(self, connection: Any, job: Job) -> None:
        text = "INSERT INTO simulation.written VALUES (%s, %s)"
        done = connection.execute(text, (job.id, job.fence))
        if isinstance(connection, psycopg.AsyncConnection):
            self.run(done)

    def close(self) -> None:
        """Close every connection."""
        self._connection.close()
        self.run(self._shared.close())
        self.end()


@contextmanager
def postgres_store() -> Generator[PostgresStore]:
    """Start a server of its own, with what would make a run unrepeatable switched off."""
    with local_server(Path(tempfile.gettempdir())) as server:
        server.settings = _SETTINGS
        server.restart()
        with closing(PostgresStore(server)) as store:
            yield store
