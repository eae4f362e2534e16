"""Jobs in one SQLite file, shared by all processes of a host."""

from .engine import SqliteEngine

__all__ = ["SqliteEngine"]
