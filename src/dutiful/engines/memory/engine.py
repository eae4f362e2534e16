"""The memory engine, put together from its roles."""

from __future__ import annotations

from dutiful.contract.capability import Capability
from dutiful.contract.clock import Clock, SystemClock
from dutiful.contract.page import Finding

from .consumer import MemoryConsumer
from .controller import MemoryController
from .fleet import MemoryFleet
from .inspector import MemoryInspector
from .mover import MemoryMover
from .producer import MemoryProducer
from .scheduling import MemoryScheduling
from .table import Tables


class MemoryEngine(
    MemoryProducer,
    MemoryConsumer,
    MemoryFleet,
    MemoryInspector,
    MemoryController,
    MemoryMover,
    MemoryScheduling,
):
    """Jobs in this process's memory, for tests and for reading; they end with the process."""

    name = "memory"
    poll = 1.0
    capabilities = frozenset(Capability) - {
        Capability.AWAITED_TRANSACTION,
        Capability.CALLER_TRANSACTION,
        Capability.MIGRATE,
    }

    def __init__(self, clock: Clock | None = None) -> None:
        """Start empty, on the system's clock or a test's."""
        self.tables = Tables(clock or SystemClock())

    async def open(self, *, create: bool = True) -> tuple[str, ...]:
        """Do nothing: memory is always open."""
        return ()

    async def close(self) -> None:
        """Keep everything, so that a test can look at it afterwards."""

    async def migrate(self, *, dry_run: bool = False, contract: bool = False) -> tuple[str, ...]:
        """Do nothing: there is no schema."""
        return ()

    async def script(self, *, contract: bool = False) -> str:
        """Return nothing: there is no schema."""
        return ""

    async def check(self) -> tuple[Finding, ...]:
        """Count what is there."""
        return (Finding("memory", True, f"{len(self.tables.jobs)} jobs in this process"),)
