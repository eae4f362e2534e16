"""Connections of asyncpg, also those that its pool lends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from dutiful.core.errors import UsageError
from dutiful.engines._sql.statement import Answer, AsyncExecute, Plan, Statement, arun

from .refusals import CLOSED, demand_transaction, in_its_encoding, translate_error, translated
from .sql_text import as_texts

T = TypeVar("T")
_ADVICE = "write `async with conn.transaction():` around it"
_FREE = "pass one that you hold and on which no other coroutine waits"
_UNFIT = "22000"
"""The server's code for a value that does not fit; asyncpg refuses some itself."""


async def aenqueue(connection: Any, plans: Callable[[Any], Plan[T]]) -> T:
    """Run a plan inside the connection's transaction; an error undoes only this plan."""
    # The pool lends a new wrapper each time; the connection behind it is the same.
    driver = getattr(connection, "_con", connection)
    with _translated(driver):
        if connection.is_closed():
            raise UsageError(CLOSED)
        demand_transaction("the asyncpg connection", _ADVICE, open=connection.is_in_transaction())
        savepoint = connection.transaction()
        await savepoint.start()
        try:
            result = await arun(in_its_encoding(driver, plans), aexecutor(driver))
        except BaseException:
            with suppress(*_errors()):  # if the connection was cut, the first error is raised
                await savepoint.rollback()
            raise
        await savepoint.commit()
        return result


def aexecutor(driver: Any) -> AsyncExecute:
    """Return a function that runs statements without the codecs that the application has set."""
    record: Any = import_module("asyncpg").Record

    async def execute(statement: Statement) -> Answer:
        with _translated(driver):
            text, given = as_texts(statement.text, statement.params)
            if _plainly():
                # As asyncpg asks the server about types; its public methods use the codecs.
                # So do columns of anything but text, even here.
                ask = driver._execute
                rows = await ask(
                    text, given, 0, None, ignore_custom_codec=True, record_class=record
                )
            else:
                rows = await driver.fetch(text, *given, record_class=record)
            return Answer([tuple(row.values()) for row in rows], len(rows))

    return execute


@contextmanager
def _translated(driver: Any) -> Generator[None]:
    """Raise asyncpg's errors as Dutiful's.

    Its interface errors mean misuse, unless the connection was cut.
    """
    misuse: type[Exception] = import_module("asyncpg").InterfaceError
    with translated(*_errors()):
        try:
            yield
        except misuse as error:
            if isinstance(error, ValueError):
                raise translate_error(error, state=_UNFIT) from error
            if driver is not None and driver.is_closed():
                raise
            raise UsageError(
                f"asyncpg runs nothing on your connection at present: {error}; {_FREE}"
            ) from error


def _errors() -> tuple[type[BaseException], ...]:
    asyncpg: Any = import_module("asyncpg")
    return (
        *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
        *(TimeoutError, OSError),
    )


@cache
def _plainly() -> bool:
    """Whether this release of asyncpg can ignore codecs; older and newer ones may not."""
    ask = getattr(import_module("asyncpg").Connection, "_execute", None)
    return ask is not None and "ignore_custom_codec" in inspect.signature(ask).parameters
