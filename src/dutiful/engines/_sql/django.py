"""Django's connections, for any engine; Django is imported when a connection is passed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any

from dutiful.core.errors import UsageError

from .caller_errors import ABORTED

_KINDS = (
    "django.db.backends.base.base.BaseDatabaseWrapper",
    "django.utils.connection.ConnectionProxy",
)


def is_django(given: object) -> bool:
    """Whether this is a Django connection or the alias of one."""
    return isinstance(given, str) or any(
        f"{kind.__module__}.{kind.__qualname__}" in _KINDS for kind in type(given).__mro__
    )


def connection_of(given: Any, *, vendor: str, engine: str) -> Any:
    """Return the connection; UsageError if it is for another database, or has failed already."""
    db = _django(given)
    connection: Any = _named(db, given) if isinstance(given, str) else given
    if connection.vendor != vendor:
        raise UsageError(
            f"Django's database {connection.alias!r} is {connection.vendor}, and the jobs are in "
            f"{engine}; pass the alias of the database that holds them"
        )
    if connection.needs_rollback:
        raise UsageError(ABORTED)
    return connection


@contextmanager
def translated(
    connection: Any, translate: Callable[[BaseException], Exception]
) -> Generator[AbstractContextManager[None]]:
    """Run a block in Django's atomic block, and raise Django's errors as Dutiful's."""
    db = import_module("django.db")
    unsafe = import_module("django.core.exceptions").SynchronousOnlyOperation
    try:
        atomic: AbstractContextManager[None] = db.transaction.atomic(using=connection.alias)
        yield atomic
    except db.transaction.TransactionManagementError as error:
        raise UsageError(f"Django takes no statement in this transaction: {error}") from error
    except db.Error as error:
        raise translate(error.__cause__ or error) from error
    except unsafe as error:
        raise UsageError(
            "Django's connection belongs to sync code; enqueue there, by sync_to_async, in the "
            "function that writes your rows"
        ) from error


def _django(given: Any) -> Any:
    try:
        return import_module("django.db")
    except ModuleNotFoundError as error:
        raise UsageError(
            f"connection={given!r} names a database of Django's, which is not installed here; "
            "install it, or pass the connection itself"
        ) from error


def _named(db: Any, alias: str) -> Any:
    """Return the connection of an alias; UsageError, with what to do, if Django has none."""
    try:
        return db.connections[alias]
    except Exception as error:
        if type(error).__name__ not in ("ImproperlyConfigured", "ConnectionDoesNotExist"):
            raise
        raise UsageError(
            f"connection={alias!r} names a database of Django's settings, and there is none: set "
            "DJANGO_SETTINGS_MODULE and call django.setup() first, or pass the connection itself"
        ) from error
