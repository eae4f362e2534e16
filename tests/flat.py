"""Engines whose methods lie side by side, for tests that replace one or send all down one line."""

from __future__ import annotations

from typing import Any

from dutiful.engines.memory import MemoryEngine

_METHODS = {
    "producer": ("enqueue",),
    "sync_producer": ("enqueue_sync",),
    "caller_producer": ("enqueue_on", "aenqueue_on"),
    "consumer": ("exchange", "wait", "record_step"),
    "transactional": ("transaction", "atransaction"),
    "leases": ("renew",),
    "fleet": ("join", "leave", "workers", "expire", "abandoned", "claimed"),
    "inspector": ("get", "find", "errors", "steps", "queues", "dead_groups", "tally"),
    "controller": ("cancel", "run_now", "redrive", "purge", "pause", "resume"),
    "retention": ("prune",),
    "schedules": (
        "declare",
        "put_schedule",
        "standings",
        "due",
        "advance",
        "switch",
        "delete_schedules",
        "occurrences",
        "review",
    ),
    "exporter": ("dump", "fence_floor", "dump_schedules"),
    "importer": ("storable", "fill", "raise_fence_floor", "fill_schedules", "reopen_schedules"),
}
ROLES = {method: role for role, methods in _METHODS.items() for method in methods}
"""The role that each method belongs to."""


class Flat(MemoryEngine):
    """Memory whose roles ask the engine itself, so that a subclass overrides one method."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.inner = {role: getattr(self, role) for role in _METHODS}
        for role, inner in self.inner.items():
            overridden = any(
                getattr(type(self), one) != getattr(Flat, one) for one in _METHODS[role]
            )
            if inner is not None or overridden:
                setattr(self, role, _Asking(self, inner))


class _Asking:
    """A role that asks the engine for what has been laid flat, and the role for the rest."""

    def __init__(self, engine: Flat, inner: Any) -> None:
        self._engine = engine
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine if name in ROLES else self._inner, name)


def _flat(role: str, name: str) -> Any:
    def method(self: Flat, *given: Any, **named: Any) -> Any:
        return getattr(self.inner[role], name)(*given, **named)

    return method


for _name, _role in ROLES.items():
    setattr(Flat, _name, _flat(_role, _name))
