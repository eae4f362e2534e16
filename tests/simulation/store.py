"""What a world needs of its store; the memory engine's, and which engine has which."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from dutiful.contract.clock import Clock
from dutiful.core.job import Job
from dutiful.engines.memory import MemoryEngine
from tests.flat import ROLES

from .faulty_alerts import ALERT_OPS
from .loop import SimLoop
from .store_rows import MemoryStoreRows, StoreRows


class SimStore(Protocol):
    """One engine below a world: each call is over within an instant of virtual time."""

    name: str
    store_rows: StoreRows
    threads: bool
    """Whether calls in threads may have to wait, and so need threads that can."""
    exclusive: bool
    """Whether a task's open transaction keeps everybody else from writing."""
    awaits: bool
    """Whether there are transactions that a coroutine awaits."""
    wall_leases: bool
    """Whether leases are counted by a clock that can be stepped."""
    overran: Callable[[], None]
    """Called when a transaction was ended because it kept others waiting for too long."""

    def begin(self, clock: Clock, loop: SimLoop) -> None:
        """Empty everything for a new world, whose time this is."""
        ...

    def engine(self, clock: Clock) -> Any:
        """Return the engine as one process has it, whose host's clock this is."""
        ...

    def call(self, engine: Any, op: str, args: tuple[Any, ...]) -> Any:
        """Have an engine do something while time stands still."""
        ...

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine of the engine's to its end while time stands still."""
        ...

    async def sleep(self, engine: Any, queues: Sequence[str], seconds: float) -> None:
        """Sleep, in virtual time, until the engine would wake a worker."""
        ...

    def ring(self) -> None:
        """Wake those whom the last operation has called."""
        ...

    def write(self, connection: Any, job: Job) -> None:
        """Write, as a task does, what its transaction gave it a connection for."""
        ...


def asked(engine: Any, op: str, args: tuple[Any, ...]) -> Coroutine[Any, Any, Any]:
    """Call a verb of an engine; what it takes by name only comes last among the arguments."""
    role, verb = ALERT_OPS.get(op) or (ROLES[op], op)
    call, names = getattr(getattr(engine, role), verb), _NAMED.get(op, ())
    given = len(args) - len(names)
    return call(*args[:given], **dict(zip(names, args[given:], strict=True)))


_NAMED = {"put_schedule": ("replace", "adopt"), "renew": ("stalled_for",)}


class MemoryStore:
    """The memory engine: one for all processes of a world."""

    name = "memory"
    threads = exclusive = awaits = wall_leases = False
    store_rows: StoreRows

    def begin(self, clock: Clock, loop: SimLoop) -> None:
        self._engine = MemoryEngine(clock)
        self._engine.tables.floor = 0
        self.store_rows = MemoryStoreRows(self._engine.tables)

    def engine(self, clock: Clock) -> MemoryEngine:
        return self._engine

    def call(self, engine: Any, op: str, args: tuple[Any, ...]) -> Any:
        return self.run(asked(engine, op, args))

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("the memory engine waited inside of an operation")

    async def sleep(self, engine: MemoryEngine, queues: Sequence[str], seconds: float) -> None:
        await engine.consumer.wait(queues, seconds)

    def ring(self) -> None: ...

    def write(self, connection: Any, job: Job) -> None:
        connection["tx", job.id, job.fence] = True


def _sqlite() -> Any:
    from .sqlite_store import sqlite_store

    return sqlite_store()


def _postgres() -> Any:
    from .postgres_store import postgres_store

    return postgres_store()


@contextmanager
def _memory() -> Generator[MemoryStore]:
    yield MemoryStore()


_OPENERS: dict[str, Callable[[], Any]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "postgresql": _postgres,
}
ENGINES = tuple(_OPENERS)


@contextmanager
def opened(engine: str) -> Generator[SimStore]:
    """Open the store of an engine for any number of worlds, one after the other."""
    with _OPENERS[engine]() as store:
        yield store
