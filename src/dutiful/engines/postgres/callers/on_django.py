"""Django's connections, by their alias or as ``django.db.connection``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from dutiful.contract.statement import Answer, Plan, Statement, run
from dutiful.core.errors import UsageError
from dutiful.engines.postgres.faults import told

from .text import by_name, named

T = TypeVar("T")


def enqueue(given: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan in the transaction of a connection, or of the one an alias names."""
    db = _django(given)
    connection: Any = _named(db, given) if isinstance(given, str) else given
    if connection.vendor != "postgresql":
        raise UsageError(
            f"Django's database {connection.alias!r} is {connection.vendor}, and the jobs are in "
            "PostgreSQL; pass the alias of the database that holds them"
        )
    try:
        with db.transaction.atomic(using=connection.alias), connection.cursor() as wrapped:
            # The plain cursor: Django's own would log every argument in DEBUG.
            cursor: Any = wrapped.cursor

            def execute(statement: Statement) -> Answer:
                try:
                    cursor.execute(named(statement.text), by_name(statement.params))
                    rows: list[Any] = cursor.fetchall() if cursor.description else []
                except Exception as error:
                    raise told(error, "enqueueing on your connection") from error
                return Answer(rows, len(rows))

            return run(plans(connection.connection), execute)
    except db.DatabaseError as error:
        cause: BaseException = error
        raise told(cause.__cause__ or cause, "enqueueing on your connection") from cause


def _django(given: Any) -> Any:
    try:
        return import_module("django.db")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"connection={given!r} names a database of Django's, which is not installed here; "
            "install it, or pass the connection itself"
        ) from error


def _named(db: Any, alias: str) -> Any:
    """Find the connection of an alias; what Django says of it is told with what to do."""
    try:
        return db.connections[alias]
    except Exception as error:
        if type(error).__name__ not in ("ImproperlyConfigured", "ConnectionDoesNotExist"):
            raise
        raise UsageError(
            f"connection={alias!r} names a database of Django's settings, and there is none: set "
            "DJANGO_SETTINGS_MODULE and call django.setup() first, or pass the connection itself"
        ) from error
