"""Jobs in PostgreSQL, shared by any number of machines."""

from .engine import PostgresEngine

__all__ = ["PostgresEngine"]
