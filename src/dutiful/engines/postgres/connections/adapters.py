"""How this engine writes and reads values, whatever the process has taught its drivers.

A program may change for all connections how lists are sent and texts are read; JSON libraries do.
So our cursors have a map of their own, made of the driver's types as they are at first.
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
    """A cursor that no adapter of the process or the connection reaches."""

    @property
    def adapters(self) -> AdaptersMap:
        """The engine's own."""
        return _OURS


class AsyncCursor(AsyncRawCursor[tuple[Any, ...]]):
    """The same where it is awaited."""

    @property
    def adapters(self) -> AdaptersMap:
        """The engine's own."""
        return _OURS
