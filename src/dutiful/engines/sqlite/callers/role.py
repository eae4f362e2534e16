"""Storing new jobs on the caller's own connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from dutiful.contract.roles.producer import Receipt
from dutiful.core.errors import UsageError
from dutiful.core.job import NewJob
from dutiful.engines._sql.django import connection_of, is_django
from dutiful.engines._sql.django import translated as translated_django
from dutiful.engines._sql.statement import run
from dutiful.engines.sqlite.connections.connection import executor, translate_error
from dutiful.engines.sqlite.producer import enqueue
from dutiful.engines.sqlite.session import Session

from .joined import joined


class SqliteCaller:
    """The role `CallerProducer`: enqueueing inside the caller's transaction."""

    def __init__(self, session: Session) -> None:
        """Share the engine's session."""
        self.session = session

    def enqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs on the caller's connection, inside its transaction."""
        if is_django(connection):
            return self._on_django(connection, jobs)
        session = self.session
        with joined(session, connection) as cursor:
            plan = enqueue(jobs, session.clock.now())
            receipts, _ = run(plan, executor(cursor, session.database_file.path))
        return receipts

    def _on_django(self, given: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        path = self.session.database_file.path
        connection = connection_of(given, vendor="sqlite", engine=f"the file {path}")
        if not connection.in_atomic_block:
            self.session.ready()  # inside the transaction below, it would wait for that

        def translate(error: BaseException) -> Exception:
            return (
                translate_error(error, path)
                if isinstance(error, sqlite3.Error)
                else UsageError(f"{error}")
            )

        with translated_django(connection, translate) as atomic, atomic:
            connection.ensure_connection()
            return self.enqueue_on(connection.connection, jobs)

    async def aenqueue_on(self, connection: Any, jobs: Sequence[NewJob]) -> tuple[Receipt, ...]:
        """Store jobs on the caller's connection; it blocks, as every call on it does."""
        return self.enqueue_on(connection, jobs)
