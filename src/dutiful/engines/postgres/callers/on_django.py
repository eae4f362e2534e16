"""Django's connections, by their alias or as ``django.db.connection``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from dutiful.contract.django import connection_of, translated
from dutiful.contract.statement import Answer, Plan, Statement, run

from .refusals import demand_no_pipeline, in_its_encoding, told
from .text import by_name, named

T = TypeVar("T")


def enqueue(given: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan in the transaction of a connection, or of the one an alias names."""
    connection = connection_of(given, vendor="postgresql", engine="PostgreSQL")
    with translated(connection, told) as atomic, atomic, connection.cursor() as wrapped:
        # The plain cursor: Django's own would log every argument in DEBUG.
        cursor: Any = wrapped.cursor

        def execute(statement: Statement) -> Answer:
            try:
                cursor.execute(named(statement.text), by_name(statement.params))
                rows: list[Any] = cursor.fetchall() if cursor.description else []
            except Exception as error:
                raise told(error) from error
            return Answer(rows, len(rows))

        driver = connection.connection
        demand_no_pipeline(driver)
        return run(in_its_encoding(driver, plans), execute)
