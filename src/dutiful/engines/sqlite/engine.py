"""The SQLite engine, put together from its roles."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dutiful.contract.beside import beside
from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock, SystemClock
from dutiful.contract.engine import Engine
from dutiful.contract.page import Finding
from dutiful.core.errors import BadOption, StoreUnusable
from dutiful.engines._sql.inspector import SqlInspector

from .activity import SqliteActivity
from .alert_store import SqliteAlerts
from .callers.role import SqliteCaller
from .connections.connection import Durability
from .consumer import SqliteConsumer
from .controller import SqliteController
from .fleet import SqliteFleet
from .health import SqliteHealth, examine
from .inspector import SqliteInspection
from .log_reader import SqliteLogs
from .producer import SqliteProducer
from .retention import SqliteRetention
from .schedules.scheduling import SqliteSchedules
from .schema.migration import script
from .session import Session
from .transfer import SqliteTransfer


class SqliteEngine(Engine):
    """Jobs in one SQLite file, shared by all processes of a host."""

    name = "sqlite"
    poll = 1.0
    capabilities = frozenset(Capability) - {Capability.AWAITED_TRANSACTION}

    def __init__(
        self, path: Path, *, durability: Durability = "full", clock: Clock | None = None
    ) -> None:
        """Open nothing yet; with ``durability="normal"`` a power cut may lose the last commits."""
        if durability not in ("full", "normal"):
            raise BadOption(f'durability={durability!r}; choose "full" or "normal"')
        self.session = session = Session(_whole(Path(path)), durability, clock or SystemClock())
        self.producer = self.sync_producer = SqliteProducer(session)
        self.caller_producer = SqliteCaller(session)
        self.consumer = self.transactional = SqliteConsumer(session)
        self.fleet = self.leases = self.orders = SqliteFleet(session)
        self.inspector = SqlInspector(SqliteInspection(session))
        self.controller = SqliteController(session)
        self.retention = SqliteRetention(session)
        self.schedules = SqliteSchedules(session)
        self.exporter = self.importer = SqliteTransfer(session)
        self.schema = SqliteSchema(session)
        self.health = SqliteHealth(session)
        self.activity = SqliteActivity(session)
        self.alerts = SqliteAlerts(session)
        self.logs = SqliteLogs(session)

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Open the file, create it if it is missing, and migrate it."""
        if not create:
            await beside(self.session.require)
        await beside(self.session.ready)
        return self.session.database_file.notices()

    async def close(self) -> None:
        """Close all connections; a later use opens them again."""
        await beside(self.session.close)

    async def check(self) -> tuple[Finding, ...]:
        """Check the file and the files beside it."""
        await beside(self.session.require)
        session = self.session.ready()
        return await session.readers.aread(lambda: examine(session))


class SqliteSchema:
    """The role `Schema`."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    async def migrate(self, *, dry_run: bool = False, contract: bool = False) -> tuple[str, ...]:
        """Apply the pending migrations, or only return their names."""
        call = partial(self.session.migrate, dry_run=dry_run, contract=contract)
        return await beside(call)

    async def script(self, *, contract: bool = False) -> str:
        """Return the SQL of the pending migrations, with the record that they were applied."""
        wanted = await self.migrate(dry_run=True, contract=contract)
        return script([one for one in self.session.migrations if one.name in wanted])


def _whole(path: Path) -> Path:
    """Return the absolute path."""
    try:
        return path.absolute()
    except OSError as error:
        raise StoreUnusable(
            f"{path} is looked for in the working folder, which was removed; "
            "go to another folder, or give a whole path: sqlite:////var/lib/jobs.db"
        ) from error
