"""What all processes of a world share on their way to the store, and who watches it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

from .faults import Fault, Plan
from .loop import Node, SimLoop
from .store import SimStore
from .write_lock import WriteLock

STORE = Context()
"""The context of the store's own steps: no process's death ends them."""

BEFORE = (Fault.KILL_BEFORE, Fault.FREEZE_BEFORE)
AFTER = (Fault.KILL_AFTER, Fault.FREEZE_AFTER)
KILLS = (Fault.KILL_BEFORE, Fault.KILL_AFTER)
UNKNOWN = (Fault.UNKNOWN_LOST, Fault.UNKNOWN_DONE)


class Watcher(Protocol):
    """What sees every operation of the store, and may take a process down."""

    def sent(self, node: Node, op: str, args: tuple[Any, ...]) -> None:
        """Hear of a call when it is made."""
        ...

    def perform(self, node: Node, op: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Make the call on the engine, and look at what it changed."""
        ...

    def answered(self, node: Node, op: str, args: tuple[Any, ...], result: Any) -> None:
        """Hear that the caller was told."""
        ...

    def kill(self, node: Node, why: str) -> None:
        """End a process."""
        ...

    def freeze(self, node: Node, why: str) -> None:
        """Stop a process for a while."""
        ...

    def note(self, node: Node | None, what: str) -> None:
        """Write a line of the trace."""
        ...


class OpenTransaction(Protocol):
    """A transaction that a process has open."""

    def drop(self) -> None:
        """Undo it, as the store does when the process is gone."""
        ...


class Network:
    """The loop, the store, the plan of faults, and what is open."""

    def __init__(self, loop: SimLoop, store: SimStore, plan: Plan, watcher: Watcher) -> None:
        self.loop = loop
        self.store = store
        self.plan = plan
        self.watcher = watcher
        self.write_lock = WriteLock(loop) if store.exclusive else None
        if self.write_lock is not None:
            store.overran = self.write_lock.look
        self.alerts = False
        """Whether the processes evaluate alerts."""
        self.transactions: dict[Node, list[OpenTransaction]] = {}

    def strike(self, node: Node, fault: Fault, op: str) -> None:
        """Kill or freeze the caller."""
        if fault in KILLS:
            self.watcher.kill(node, f"{op}: {fault}")
        else:
            self.watcher.freeze(node, f"{op}: {fault}")

    def perform(self, node: Node, op: str, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Make a call on the engine before the watcher's eyes; wake whom it calls."""
        try:
            return self.watcher.perform(node, op, args, call)
        finally:
            self.store.ring()

    def cut_off(self, node: Node) -> None:
        """Undo what a process has open, which is dead."""
        for transaction in self.transactions.pop(node, []):
            transaction.drop()
        if self.write_lock is not None:
            self.write_lock.look()

    def close(self) -> None:
        """Undo whatever is open still."""
        for node in list(self.transactions):
            self.cut_off(node)
