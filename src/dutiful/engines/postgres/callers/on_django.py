"""Django's connections, by their alias or as ``django.db.connection``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from dutiful.engines._sql.django import connection_of, translated
from dutiful.engines._sql.statement import Plan, run

from . import on_psycopg, on_psycopg2
from .refusals import demand_no_pipeline, in_its_encoding, translate_error

T = TypeVar("T")


def enqueue(given: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan in the transaction of a connection, which may be given by its alias."""
    connection = connection_of(given, vendor="postgresql", engine="PostgreSQL")
    with translated(connection, translate_error) as atomic, atomic, connection.cursor():
        # Not on Django's cursor, which would log every argument in DEBUG.
        driver = connection.connection
        demand_no_pipeline(driver)
        modern = isinstance(driver, psycopg.Connection)
        execute = (on_psycopg if modern else on_psycopg2).executor(driver)
        return run(in_its_encoding(driver, plans), execute)
