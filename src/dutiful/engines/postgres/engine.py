"""The PostgreSQL engine, put together from its roles."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock
from dutiful.contract.engine import Engine
from dutiful.contract.page import Finding
from dutiful.core.errors import StoreUnusable
from dutiful.engines._sql.inspector import SqlInspector
from dutiful.engines._sql.migrations import is_new, names

from .activity import PostgresActivity
from .alert_store import PostgresAlerts
from .callers.role import PostgresCaller
from .connections.address import address_of
from .consumer import PostgresConsumer
from .controller import PostgresController
from .fleet import PostgresFleet
from .health import PostgresHealth, examine
from .inspector import PostgresInspection
from .log_reader import PostgresLogs
from .producer import PostgresProducer
from .retention import PostgresRetention
from .schedules.scheduling import PostgresSchedules
from .schema.migration import migrate, missing, script, wanted
from .session import Session
from .transaction import PostgresTransactional
from .transfer import PostgresTransfer


class PostgresEngine(Engine):
    """Jobs in one schema of a PostgreSQL database, shared by any number of hosts."""

    name = "postgresql"
    poll = 30.0
    capabilities = frozenset(Capability)

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        """Connect to nothing yet; a ``clock`` replaces the server's in tests."""
        self.session = session = Session(address_of(url), clock)
        self.producer = self.sync_producer = PostgresProducer(session)
        self.caller_producer = PostgresCaller(session)
        self.consumer = PostgresConsumer(session)
        self.transactional = PostgresTransactional(session)
        self.fleet = self.leases = self.orders = PostgresFleet(session)
        self.inspector = SqlInspector(PostgresInspection(session))
        self.controller = PostgresController(session)
        self.retention = PostgresRetention(session)
        self.schedules = PostgresSchedules(session)
        self.exporter = self.importer = PostgresTransfer(session)
        self.schema = PostgresSchema(session)
        self.activity = PostgresActivity(session)
        self.alerts = PostgresAlerts(session)
        self.logs = PostgresLogs(session)
        self.health = PostgresHealth(session)

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Connect, and bring the schema up to date."""
        session = self.session
        if not create:
            absent = await session.pool.aside(lambda: missing(session.address, session.sql))
            if is_new(session.sql.migrations, absent):
                raise StoreUnusable(
                    f"{session.address.shown} has no jobs in schema {session.address.schema!r}; "
                    "run `dutiful migrate`, or see the URL"
                )
        await session.pool.aside(session.ready)
        return session.notices

    async def close(self) -> None:
        """Close all connections; a later use opens them again."""
        self.session.close()

    async def check(self) -> tuple[Finding, ...]:
        """Look at the server and the schema."""
        session = self.session
        return await session.inspect_pool.aonce(lambda: examine(session))


class PostgresSchema:
    """The role `Schema`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def migrate(self, *, dry_run: bool = False, contract: bool = False) -> tuple[str, ...]:
        """Apply the pending migrations, or only return their names."""
        address, sql = self.session.address, self.session.sql
        aside = self.session.pool.aside
        if dry_run:
            return names(await aside(lambda: wanted(address, sql, contract=contract)))
        return await aside(lambda: migrate(address, sql, contract=contract))

    async def script(self, *, contract: bool = False) -> str:
        """Return the SQL of the pending migrations, with the record that they were applied."""
        address, sql = self.session.address, self.session.sql
        return await self.session.pool.aside(lambda: script(address, sql, contract=contract))
