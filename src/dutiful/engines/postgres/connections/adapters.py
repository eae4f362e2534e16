"""How this engine writes and reads values, independently of adapters that the process registers.

A program may change for all connections how lists are sent and texts are read; JSON libraries do
so. Therefore our cursors have their own map, made from the driver's original types.
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncRawCursor, RawCursor
from psycopg.adapt import AdaptersMap
from psycopg.postgres import register_default_adapters, register_default_types
from psycopg.types import TypesRegistry
from psycopg.types.array import register_all_arrays

from .arrays import teach


def _pristine() -> AdaptersMap:
    types = TypesRegistry()
    register_default_types(types)
    adapters = AdaptersMap(types=types)
    register_default_adapters(adapters)
    register_all_arrays(adapters)
    teach(adapters)
    return adapters


_OURS = _pristine()


class Cursor(RawCursor[tuple[Any, ...]]):
    """A cursor that ignores the adapters of the process and of the connection."""

    @property
    def adapters(self) -> AdaptersMap:
        """The engine's own."""
        return _OURS


class AsyncCursor(AsyncRawCursor[tuple[Any, ...]]):
    """The same for async connections."""

    @property
    def adapters(self) -> AdaptersMap:
        """The engine's own."""
        return _OURS
