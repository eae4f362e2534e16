"""The memory engine, put together from its roles."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock, SystemClock
from dutiful.contract.engine import Engine
from dutiful.contract.page import Finding

from .activity import MemoryActivity
from .alert_store import MemoryAlerts
from .consumer import MemoryConsumer
from .controller import MemoryController
from .fleet import MemoryFleet
from .inspector import MemoryInspector
from .log_reader import MemoryLogs
from .producer import MemoryProducer
from .retention import MemoryRetention
from .scheduling import MemorySchedules
from .table import Tables
from .transfer import MemoryTransfer


class MemoryEngine(Engine):
    """Jobs in this process's memory, for tests and for reading; they end with the process."""

    name = "memory"
    poll = 1.0
    capabilities = frozenset(Capability) - {
        Capability.AWAITED_TRANSACTION,
        Capability.CALLER_TRANSACTION,
        Capability.MIGRATE,
    }

    def __init__(self, clock: Clock | None = None, tables: Tables | None = None) -> None:
        """Start empty, on the system's clock or a test's; or share another engine's ``tables``."""
        self.tables = tables = tables or Tables(clock or SystemClock())
        producer, controller = MemoryProducer(tables), MemoryController(tables)
        schedules = MemorySchedules(tables, producer, controller)
        self.producer = self.sync_producer = producer
        self.consumer = self.transactional = MemoryConsumer(tables)
        self.fleet = self.leases = self.orders = MemoryFleet(tables)
        self.inspector = MemoryInspector(tables)
        self.controller = controller
        self.retention = MemoryRetention(tables)
        self.schedules = schedules
        self.activity = MemoryActivity(tables)
        self.alerts = MemoryAlerts(tables)
        self.logs = MemoryLogs(tables)
        self.exporter = self.importer = MemoryTransfer(tables, schedules.fresh)

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Do nothing: memory is always open."""
        return ()

    async def close(self) -> None:
        """Keep everything, so that a test can look at it afterwards."""

    async def check(self) -> tuple[Finding, ...]:
        """Count what is there."""
        return (Finding("memory", True, f"{len(self.tables.jobs)} jobs in this process"),)
